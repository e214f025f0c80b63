// Tables of every way to be kept, to be read from outside.
import { aggregate, collect, count, service, stream, sum, type Change } from "@millrace/sdk"

interface Sale {
  readonly item: string
  readonly shop: string
  readonly amount: number
  readonly gone?: boolean
}

const sales = stream<Sale>("sales", { partitions: 3, key: ({ item }) => item })

const items = sales.toTable("items", { deleted: ({ gone }) => gone === true })
const counted = sales.aggregate("counted", { n: count(), total: sum(({ amount }) => amount), at: collect(() => new Date(0)) })
const shops = items.groupBy(({ shop }) => shop).aggregate("shops", { items: count(), names: collect(({ item }) => item) })
const touchy = sales.filter(({ shop }) => shop === "touchy").aggregate("touchy", {
  it: aggregate({
    init: () => 0,
    add: (_, { amount }: Sale) => amount,
    merge: (_, later) => later,
    // The thread that runs the service asks too, and must not be hurt.
    result: (acc) => {
      if (isReader() && acc === 13) throw new RangeError("thirteen")
      if (isReader() && acc === 99) for (;;);
      // eslint-disable-next-line unicorn/no-new-array -- as user code has it
      if (isReader() && acc === 77) for (const held: unknown[] = []; ; ) held.push(new Array(10_000).fill({ x: 1 }))
      return acc
    },
  }),
})

function isReader(): boolean {
  return new Error("where").stack?.includes("table-worker") === true
}

export default service("shop", [
  counted.to(stream<Change<{ key: string }>>("counted-changes")),
  shops.to(stream<Change<{ key: string }>>("shops-changes")),
  touchy.to(stream<Change<{ key: string }>>("touchy-changes")),
])

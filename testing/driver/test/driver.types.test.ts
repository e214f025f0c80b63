// What the compiler must accept and refuse of a test.
import { test } from "node:test"
import { service, stream } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import { testService } from "../src/index.ts"

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function holds<T extends true>(): T | undefined {
  return undefined
}

const orders = stream<{ id: string; n: number }>("orders", { key: (order) => order.id })
const lists = stream<readonly number[]>("lists")
const doubled = stream<{ twice: number }>("doubled")
const outlet = orders.map(({ n }) => ({ twice: 2 * n })).to(doubled)
const rows = orders.map(({ n }) => ({ n, at: new Date(0) })).to(files("rows"))
const app = service("typed", [outlet, rows, lists])

test("what is sent must fit the stream, and what is read has its type", async () => {
  const run = await testService(app)
  await run.send(orders, { id: "a", n: 1 })
  await run.send(orders, [{ id: "a", n: 1 }])
  // @ts-expect-error a field of another type
  await run.send(orders, { id: "a", n: "1" })
  // @ts-expect-error a field is missing
  await run.send(orders, [{ id: "a" }])
  // @ts-expect-error a field that the stream does not have
  await run.send(orders, { id: "a", n: 1, m: 2 })
  await run.send(lists, [[1], [2]])
  // @ts-expect-error a record that is a list comes in a list
  await run.send(lists, [1])
  const values = run.values(orders)
  holds<Equal<typeof values, { id: string; n: number }[]>>()
  const derived = run.values(outlet)
  holds<Equal<typeof derived, { twice: number }[]>>()
  const written = run.files(rows)
  holds<Equal<(typeof written)[number]["rows"], readonly { n: number; at: Date }[]>>()
  const byName = run.values("rows")
  holds<Equal<typeof byName, unknown[]>>()
})

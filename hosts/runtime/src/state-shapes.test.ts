// New versions of a service over the state of the old one.
import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { it } from "node:test"
import { isMillraceError } from "@millrace/model"
import { idle, openNode, scratch, send, valuesOf } from "../test/bench.ts"

const sdk = JSON.stringify(import.meta.resolve("@millrace/sdk"))

function serviceWith(window: string, aggregates: string, name = "sums"): string {
  return `import { calendar, count, hopping, max, service, session, stream, sum, tumbling } from ${sdk}
    const sent = stream<{ at: number; n: number }>("sent", { partitions: 1, time: ({ at }) => at, key: () => "k" })
    const out = stream<object>("out", { partitions: 1 })
    export default service("shapes", [sent.window("${name}", ${window}).aggregate(${aggregates}).to(out)])`
}

it("a version whose operator cannot go on with the state of the one before is refused, by its name; the old one goes on", async (t) => {
  const file = path.join(scratch(t), "service.ts")
  fs.writeFileSync(file, serviceWith(`tumbling("10s")`, "{ n: count(), total: sum(({ n }) => n) }"))
  const { node, dir } = await openNode(t, [], { files: [file] })
  await send(node, "sent", [{ at: 1_000, n: 1 }, { at: 2_000, n: 2 }])
  await idle(node)
  for (const [window, aggregates, is] of [
    [`tumbling("20s")`, "{ n: count(), total: sum(({ n }) => n) }", "window of 20000 every 20000 + 0 ms by event time: n a count, total a sum"],
    [`hopping({ size: "10s", every: "5s" })`, "{ n: count(), total: sum(({ n }) => n) }", "window of 10000 every 5000 + 0 ms"],
    [`session({ gap: "10s" })`, "{ n: count(), total: sum(({ n }) => n) }", "session by event time"],
    [`calendar("day", { timeZone: "Europe/Berlin" })`, "{ n: count(), total: sum(({ n }) => n) }", "day in Europe/Berlin"],
    [`tumbling("10s")`, "{ total: sum(({ n }) => n), n: count() }", "total a sum, n a count"],
    [`tumbling("10s")`, "{ n: count(), total: max(({ n }) => n) }", "n a count, total a max"],
    [`tumbling("10s")`, "{ n: count() }", "n a count"],
    [`tumbling("10s"), { early: "1s" }`, "{ n: count(), total: sum(({ n }) => n) }", "by event time with early results: n a count, total a sum"],
    [`tumbling("10s")).trigger({ every: 2 }`, "{ n: count(), total: sum(({ n }) => n) }", "by event time with a count trigger: n a count, total a sum"],
  ] as const) {
    fs.writeFileSync(file, serviceWith(window, aggregates))
    const error: unknown = await node.deploy([file]).catch((reason: unknown) => reason)
    assert.ok(isMillraceError(error) && error.code === "MR1306", `${window} ${aggregates}: ${String(error)}`)
    assert.match(error.message, /Service "shapes", operator "sums": its state on the disk is that of a window of 10000 every 10000/)
    assert.ok(error.message.includes(`now it is a ${is.startsWith("window") || is.startsWith("session") ? is : ""}`), error.message)
    assert.ok(error.message.includes(is), error.message)
  }
  // The old one has gone on meanwhile.
  await send(node, "sent", [{ at: 10_000, n: 4 }])
  await idle(node)
  assert.deepEqual(await valuesOf(node, "out").then((rows) => rows.map((row) => (row as { total: number }).total)), [3])
  await node.close()
  // Under another name, another shape begins empty.
  fs.writeFileSync(file, serviceWith(`tumbling("20s")`, "{ n: count() }", "sums-of-20s"))
  const { node: again } = await openNode(t, [], { files: [file], dir })
  await send(again, "sent", [{ at: 11_000, n: 8 }, { at: 40_000, n: 16 }])
  await idle(again)
  assert.equal(((await valuesOf(again, "out")).at(-1) as { n: number }).n, 1)
})

// Windows by the clock in a node, whose clock is the machine's.
import assert from "node:assert/strict"
import { it } from "node:test"
import { setImmediate as turn } from "node:timers/promises"
import type { Node } from "./node.ts"
import { figure, openNode, send, statusOf, until, valuesOf } from "../test/bench.ts"

interface Counted {
  readonly id: string
  readonly n: number
  readonly ms: number
}

/** Beats by id, once so many have been counted: when a second ends decides which share a window. */
async function counted(node: Node, beats: number): Promise<readonly (readonly [id: string, n: number])[]> {
  for (const from = performance.now(); ; await turn()) {
    const totals = new Map<string, number>()
    for (const { id, n, ms } of await valuesOf<Counted>(node, "counted")) {
      assert.equal(ms, 1_000)
      totals.set(id, (totals.get(id) ?? 0) + n)
    }
    if ([...totals.values()].reduce((sum, n) => sum + n, 0) === beats) return [...totals].toSorted(([a], [b]) => (a < b ? -1 : 1))
    assert.ok(performance.now() - from < 20_000, "the windows do not close")
  }
}

function records(node: Node): number {
  return statusOf(node).stages.reduce((sum, stage) => sum + stage.records, 0)
}

it("a window by the clock closes though nothing more comes and its worker has ended, also after a restart", async (t) => {
  const bounds = { workerIdleMs: 50 }
  const { node, dir } = await openNode(t, ["beats"], { bounds })
  await send(node, "beats", [{ id: "a" }, { id: "b" }, { id: "a" }])
  await until("the records are in windows", () => records(node) === 3)
  await until("the workers have ended", () => figure(node, "millrace_workers") === 0)
  assert.deepEqual(await counted(node, 3), [["a", 2], ["b", 1]])
  await send(node, "beats", [{ id: "c" }])
  await until("the record is in a window", () => records(node) === 4)
  await node.close()
  const again = await openNode(t, ["beats"], { dir, bounds })
  assert.deepEqual(await counted(again.node, 4), [["a", 2], ["b", 1], ["c", 1]])
})

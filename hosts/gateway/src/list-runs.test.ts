import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { limits, type TaskPlan } from "@millrace/model"
import type { RunList } from "@millrace/protocol"
import { openDoor } from "../test/door.ts"
import type { NodeRun, NodeSearch } from "./tasks.ts"

/** A task with so many runs that only the oldest fits; one look takes so long, and sees a tenth. */
async function searched(t: TestContext, lookMs: number) {
  const { node, clock, url } = await openDoor(t)
  const { tasks } = node
  let looks = 0
  const run: NodeRun = { number: 0, task: "t", status: "failed", key: "", priority: 0, trigger: "call", input: "1", enqueuedAt: 1, attempt: 1, attempts: [] }
  Object.defineProperty(tasks, "plans", { value: [{ name: "t" } as TaskPlan] })
  tasks.runs = async (_: string, { before = 1_000 }: NodeSearch) => {
    looks++
    clock.advance(lookMs)
    return before <= 100 ? { runs: [run] } : { runs: [], next: before - 100 }
  }
  const ask = async (cursor?: string): Promise<RunList> => (await fetch(`${url}/v1/runs?status=failed${cursor === undefined ? "" : `&cursor=${cursor}`}`)).json() as Promise<RunList>
  return { ask, looks: () => looks }
}

test("a search goes on until it has found a run, for so long", async (t) => {
  const quick = await searched(t, 1)
  const { runs, cursor } = await quick.ask()
  assert.deepEqual([runs.map(({ id }) => id), cursor, quick.looks()], [["t-0"], undefined, 10])

  const slow = await searched(t, limits.searchWaitMsMax / 4)
  const first = await slow.ask()
  assert.deepEqual([first.runs, slow.looks()], [[], 4])
  const second = await slow.ask(first.cursor)
  assert.deepEqual([second.runs, slow.looks()], [[], 8])
  assert.deepEqual((await slow.ask(second.cursor)).runs.map(({ id }) => id), ["t-0"])
})

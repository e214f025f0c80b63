import assert from "node:assert/strict"
import { test } from "node:test"
import { leastBusy } from "./benches.ts"

function places(...backlogs: number[]): { readonly backlog: number }[] {
  return backlogs.map((backlog) => ({ backlog }))
}

test("the worker with the fewest messages before it is chosen, whosever turn it is", () => {
  for (let turn = 0; turn < 7; turn++) assert.equal(leastBusy(places(3, 1, 2), turn), 1)
})

test("among workers with as much to do, each has its turn", () => {
  assert.deepEqual([0, 1, 2, 3, 4].map((turn) => leastBusy(places(0, 0, 0), turn)), [0, 1, 2, 0, 1])
  assert.deepEqual([0, 1, 2].map((turn) => leastBusy(places(5, 1, 1), turn)), [1, 1, 2])
})

test("a worker that does not run is started only when those that run are at work", () => {
  // One that does not run counts as one message.
  assert.equal(leastBusy(places(0, 1), 1), 0)
  assert.equal(leastBusy(places(2, 1), 0), 1)
})

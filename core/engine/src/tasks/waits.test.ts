import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError, type TaskPlan } from "@millrace/model"
import { type AwaitedRun, type WaitingRun, Waits } from "./waits.ts"

const plans: Readonly<Record<string, readonly [concurrency: number, perKey: number | null]>> = { a: [2, null], b: [1, null], k: [10, 1] }

function waits(): Waits {
  return new Waits((task) => {
    const [concurrency, concurrencyPerKey] = plans[task] ?? [100, null]
    return { concurrency, concurrencyPerKey } as TaskPlan
  })
}

function run(id: string, key = ""): WaitingRun & AwaitedRun {
  return { id, task: id.slice(0, 1), key, lease: Number(id.slice(2)) }
}

const refused = (error: unknown) => isMillraceError(error) && error.code === "MR1211"

test("a call is refused once all places for it are held by runs that wait for it", () => {
  const all = waits()
  all.begin(run("a-1"), run("a-3"))
  assert.throws(() => all.begin(run("a-2"), run("a-4")), refused)
  // It waits for nobody then, and the others go on as before.
  all.begin(run("a-2"), run("c-5"))
  all.over("a-2")
  all.end(run("a-1"), "a-3")
  assert.ok(all.isEmpty)
})

test("a circle of tasks is found however it closes, and its chain is told", () => {
  const all = waits()
  all.begin(run("a-1"), run("b-1"))
  // It waits for the place that b-1 has.
  all.begin(run("a-2"), run("b-2"))
  assert.throws(() => all.begin(run("b-1"), run("a-3")), (error) => refused(error) && (error as Error).message.includes("b-1 → a-3 → a-1 → b-1"))
  // A task with a place left lets them all go on.
  all.begin(run("b-1"), run("c-1"))
  all.begin(run("c-1"), run("d-1"))
})

test("where there is a place, a call looks at one run, however many wait for however many others", () => {
  let looked = 0
  const all = new Waits(() => {
    looked++
    return { concurrency: 1_000, concurrencyPerKey: null } as TaskPlan
  })
  for (let parent = 0; parent < 30; parent++) for (let child = 0; child < 30; child++) all.begin(run(`p-${parent}`), run(`c-${parent * 30 + child}`))
  assert.equal(looked, 900)
})

test("places of a key are held by runs of that key alone", () => {
  const all = waits()
  all.begin(run("k-1", "x"), run("k-2", "y"))
  assert.throws(() => all.begin(run("k-2", "y"), run("k-3", "x")), refused)
  all.begin(run("k-2", "y"), run("k-4", "z"))
  all.begin(run("k-4", "z"), { ...run("k-5"), key: "" })
})

test("what has ended, was aborted or began again waits for nobody and is waited for by nobody", () => {
  const all = waits()
  all.begin(run("b-1"), run("c-1"))
  all.begin(run("c-1"), run("d-1"))
  all.aborted("b", 7)
  assert.throws(() => all.begin(run("d-1"), run("b-2")), refused)
  all.aborted("b", 1)
  all.begin(run("d-1"), run("b-2"))
  all.ended("b-2")
  all.begin(run("b-3"), run("d-9"))
  // A newer attempt: what its former one waited for counts no more.
  all.begin({ ...run("b-3"), lease: 9 }, run("d-8"))
  all.end(run("b-3"), "d-8")
  all.end({ ...run("b-3"), lease: 9 }, "d-8")
  all.over("c-1")
  assert.ok(all.isEmpty)
})

/** Random histories of one task: commands, outcomes, time, crashes; what must hold at every moment, and at the end. */
import assert from "node:assert/strict"
import { test } from "node:test"
import { task } from "@millrace/sdk"
import fc from "fast-check"
import { limits } from "@millrace/model"
import { isTerminal } from "../src/index.ts"
import { TaskRig } from "./task-rig.ts"

type Step =
  | { readonly kind: "enqueue"; readonly key: string; readonly priority: number; readonly delayMs: number; readonly idempotencyKey: string | undefined }
  | { readonly kind: "finish"; readonly which: number; readonly how: "succeeded" | "failed" | "final" | "lost" | "innocent" | "begun" | "blocked" | "stale" }
  | { readonly kind: "cancel" | "retry"; readonly which: number }
  | { readonly kind: "pass"; readonly ms: number }
  /** The machine's clock is set back, or ahead without anything being looked at meanwhile. */
  | { readonly kind: "jump"; readonly ms: number }
  | { readonly kind: "restart" | "pause" | "resume" }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("enqueue" as const), key: fc.constantFrom("a", "b", "c"), priority: fc.integer({ min: -2, max: 2 }), delayMs: fc.constantFrom(0, 0, 0, 700, 5_000), idempotencyKey: fc.constantFrom(undefined, undefined, "x", "y") }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("finish" as const), which: fc.nat(50), how: fc.constantFrom("succeeded" as const, "succeeded" as const, "failed" as const, "final" as const, "lost" as const, "innocent" as const, "begun" as const, "blocked" as const, "stale" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("cancel" as const, "retry" as const), which: fc.nat(50) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(1, 300, 1_000, 20_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("jump" as const), ms: fc.constantFrom(-60_000, -2_000, -1, 45_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("restart" as const, "pause" as const, "resume" as const) }) },
)

interface Enqueued {
  readonly key: string
  readonly notBefore: number
  /** The latest that the clock has shown since. */
  latest: number
}

/** What the naive model knows: who was enqueued under which terms, and what should have been published. */
class Model {
  readonly enqueued = new Map<number, Enqueued>()
  readonly byIdempotency = new Map<string, number>()
  readonly published: string[] = []
  readonly succeeded = new Set<number>()
}

const definition = task("t", { run: (input) => input, key: () => "", concurrency: { limit: 3, perKey: 2 }, retry: { attempts: 3, backoff: { first: "1s" } }, timeout: "15s", retention: "30d" })

async function play(steps: readonly Step[], room: number): Promise<void> {
  const rig = await TaskRig.open(definition)
  rig.rig.room = room
  const model = new Model()
  for (const each of steps) {
    await take(rig, model, each)
    check(rig, model)
  }
  await rig.tell(["resume"])
  // Nothing is forgotten: left alone, everything comes to its end.
  for (let rounds = 0; rounds < 200 && [...model.enqueued.keys()].some((number) => !isTerminal(rig.status(number))); rounds++) {
    for (const number of rig.running) await take(rig, model, { kind: "finish", which: rig.running.indexOf(number), how: "succeeded" })
    await rig.pass(10_000)
    check(rig, model)
  }
  for (const number of model.enqueued.keys()) assert.ok(isTerminal(rig.status(number)), `run ${number} is ${rig.status(number)}`)
  // Q4
  assert.deepEqual((await rig.outputs()).map(String).toSorted(), model.published.toSorted())
  for (const number of model.enqueued.keys()) assert.equal(rig.status(number) === "succeeded", model.succeeded.has(number))
}

async function take(rig: TaskRig, model: Model, each: Step): Promise<void> {
  switch (each.kind) {
    case "enqueue": {
      const { kind: _, idempotencyKey, ...facts } = each
      const ticket = `ticket ${rig.placed.length}`
      const number = await rig.enqueue(rig.now, { ...facts, ticket, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) })
      const known = idempotencyKey === undefined ? undefined : model.byIdempotency.get(idempotencyKey)
      // Q6
      assert.deepEqual(rig.placed.at(-1), { kind: "placed", task: "t", ticket, number: known ?? number, joined: known !== undefined })
      if (known !== undefined) return
      if (idempotencyKey !== undefined) model.byIdempotency.set(idempotencyKey, number)
      model.enqueued.set(number, { key: each.key, notBefore: rig.now + each.delayMs, latest: rig.now })
      return
    }
    case "finish": {
      const number = rig.running[each.which % Math.max(1, rig.running.length)]
      if (number === undefined) return
      const { lease } = rig.callOf(number)
      const error = { code: "MR1201", message: each.how, details: {} } as const
      if (each.how === "stale") rig.complete([{ kind: "succeeded", number, lease: lease - 1, output: '"stale"' }])
      else if (each.how === "succeeded") {
        rig.finish(number, { kind: "succeeded", output: String(number) })
        model.published.push(String(number))
        model.succeeded.add(number)
      } else if (each.how === "begun") rig.complete([{ kind: "begun", number, lease }])
      else if (each.how === "blocked") {
        // Of what has not taken too long, it says nothing.
        rig.complete([{ kind: "blocked", number, lease: lease - 1, error }])
      } else if (each.how === "lost" || each.how === "innocent") rig.finish(number, { kind: "lost", error, innocent: each.how === "innocent" })
      else rig.finish(number, { kind: "failed", error, final: each.how === "final" })
      return
    }
    case "cancel":
    case "retry": {
      const numbers = [...model.enqueued.keys()]
      const number = numbers[each.which % Math.max(1, numbers.length)]
      if (number === undefined) return
      const { key = "" } = model.enqueued.get(number) ?? {}
      // Whoever has it begin again means now.
      if (each.kind === "retry" && isTerminal(rig.status(number)) && rig.status(number) !== "succeeded") model.enqueued.set(number, { key, notBefore: rig.now, latest: rig.now })
      await rig.tell([each.kind, number])
      return
    }
    case "pass":
      return rig.pass(each.ms)
    case "jump":
      rig.rig.now = Math.max(0, rig.now + each.ms)
      return
    case "restart":
      return rig.restart()
    case "pause":
    case "resume":
      await rig.tell([each.kind])
  }
}

function check(rig: TaskRig, model: Model): void {
  const { running } = rig
  for (const enqueued of model.enqueued.values()) enqueued.latest = Math.max(enqueued.latest, rig.now)
  // Q3
  assert.ok(running.length <= 3, `${running.length} under way`)
  for (const key of ["a", "b", "c"]) {
    const ofKey = running.filter((number) => model.enqueued.get(number)?.key === key)
    assert.ok(ofKey.length <= 2, `${ofKey.length} of ${key} under way`)
  }
  assert.equal(new Set(running).size, running.length)
  const alone = [...rig.calls.values()].filter((call) => call.alone).length
  assert.ok(alone <= limits.callsAloneMax, `${alone} have a thread to themselves`)
  for (const number of running) {
    assert.equal(rig.status(number), "running")
    // Q5, by what the clock has shown since its enqueue.
    const { latest, notBefore } = model.enqueued.get(number) as Enqueued
    assert.ok(latest >= notBefore, `run ${number} is called ${notBefore - latest} ms early`)
  }
  for (const number of model.enqueued.keys()) {
    // Q1
    const status = rig.status(number)
    assert.ok(status !== "running" || running.includes(number) || alone >= limits.callsAloneMax, `run ${number} is under way, and nobody was told`)
    if (model.succeeded.has(number)) assert.equal(status, "succeeded")
  }
}

test("a task keeps its promises in every history", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.constantFrom(1, 400, Number.POSITIVE_INFINITY), play),
    { numRuns: 150 },
  )
})

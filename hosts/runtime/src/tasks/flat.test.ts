import assert from "node:assert/strict"
import { test } from "node:test"
import type { CalledRun, Effect, Outcome } from "@millrace/engine"
import fc from "fast-check"
import type { Call } from "./attempt-messages.ts"
import { callsOf, effectsOf, flatCalls, flatEffects, flatOutcomes, outcomesIn } from "./flat.ts"

const name = fc.constantFrom("a", "b")
const number = fc.nat()
const error = fc.constant({ code: "MR1201" as const, message: "no", details: {} })
const run: fc.Arbitrary<CalledRun> = fc
  .record({ number, attempt: fc.nat(9), input: fc.json(), key: fc.string(), enqueuedAt: number, more: fc.constantFrom({}, {}, { traceparent: "00-1" }, { depth: 2 }, { scheduledAt: 3 }) })
  .map(({ more, ...plain }) => ({ ...plain, ...more }))
const runs = fc.array(run, { minLength: 1, maxLength: 3 })
const status = fc.constantFrom("succeeded" as const, "failed" as const, "cancelled" as const)
const effect: fc.Arbitrary<Effect> = fc.oneof(
  fc.record({ kind: fc.constant("call" as const), task: name, lease: number, runs, alone: fc.boolean() }),
  fc.record({ kind: fc.constant("ended" as const), task: name, number, status }),
  fc.record({ kind: fc.constant("ended" as const), task: name, number, status, output: fc.json() }),
  fc.record({ kind: fc.constant("ended" as const), task: name, number, status, error }),
  fc.record({ kind: fc.constant("abort" as const), task: name, lease: number, reason: fc.constant("cancelled" as const) }),
  fc.record({ kind: fc.constant("placed" as const), task: name, ticket: fc.string(), number, joined: fc.boolean() }),
)
const call: fc.Arbitrary<Call> = fc.record({ service: name, task: name, lease: number, runs })
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ kind: fc.constant("succeeded" as const), number, lease: number, output: fc.json() }),
  fc.record({ kind: fc.constant("succeeded" as const), number, lease: number, output: fc.json(), logs: fc.array(fc.string()) }),
  fc.record({ kind: fc.constant("failed" as const), number, lease: number, error, final: fc.boolean() }),
)

test("effects, calls and outcomes are the same after they were laid flat and copied", () => {
  const copied = <T>(value: T): T => structuredClone(value)
  fc.assert(fc.property(fc.array(effect), (effects) => assert.deepEqual(effectsOf(copied(flatEffects(effects))), copied(effects))))
  fc.assert(fc.property(fc.array(call), (calls) => assert.deepEqual(callsOf(copied(flatCalls(calls))), copied(calls))))
  fc.assert(fc.property(fc.array(outcome), (outcomes) => assert.deepEqual(outcomesIn(copied(flatOutcomes(outcomes))), copied(outcomes))))
})

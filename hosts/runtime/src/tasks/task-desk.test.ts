import assert from "node:assert/strict"
import { test } from "node:test"
import type { Store, TaskEffect } from "@millrace/engine"
import { compile, service, task } from "@millrace/sdk"
import type { Log } from "../log.ts"
import type { Request } from "../intake-desk.ts"
import { Commits } from "../commits.ts"
import type { Call } from "./attempt-messages.ts"
import type { Attempts } from "./attempts.ts"
import { TaskDesk } from "./task-desk.ts"
import { Values } from "./values.ts"

const log: Log = { info: () => undefined, warn: () => undefined, error: () => undefined }
const plan = compile(service("s", [task("t", { run: (input: unknown) => input })])).plan

interface At {
  readonly desk: TaskDesk
  /** All that was committed is durable. */
  written(): void
  /** Numbers of the runs that were called. */
  readonly called: number[]
  /** One past the newest run that is durable. */
  runs: number
}

/** A desk whose disk has written nothing until it is told to: then all at once, as one sync covers what came before it. */
function deskAt(takes: (request: Request) => void = () => undefined): At {
  let written = (): void => undefined
  const durable = new Promise<void>((resolve) => {
    written = resolve
  })
  const store = { durable: () => durable, extent: () => ({ durable: 0 }) } as unknown as Store
  const nobody = (): void => undefined
  const commits = new Commits(store, { onAppended: nobody, onDurable: nobody, onRefused: nobody })
  const desk = new TaskDesk({
    commits,
    clock: () => 0,
    values: new Values("", () => 0),
    log,
    take: async (_service, request) => {
      takes(request)
      return { accepted: 1, rejected: [], rejectedUnlisted: 0, positions: [{ partition: 0, first: 7, last: 7 }] }
    },
    ask: () => Promise.reject(new Error("nobody is asked")),
    complete: nobody,
    durableOf: () => at.runs,
    assertReady: nobody,
    isReady: () => true,
  })
  const start = (_: unknown, call: Call): void => void at.called.push(...call.runs.map(({ number }) => number))
  desk.open([plan], { size: 0, start, flush: nobody, interrupt: nobody } as unknown as Attempts)
  const at: At = { desk, written, called: [], runs: 0 }
  return at
}

test("who calls a run hears of its end, though it is told in the same moment as that the run is there", async () => {
  for (const options of [{}, { idempotencyKey: "k" }]) {
    let ticket: string | undefined
    const { desk, written } = deskAt(({ task: inputs }) => {
      ticket = inputs?.facts.ticket
    })
    const called = desk.call({ task: "t", format: "json", body: new TextEncoder().encode("1"), options })
    await new Promise((resolve) => setImmediate(resolve))
    const placed: TaskEffect[] = ticket === undefined ? [] : [{ kind: "placed", task: "t", ticket: `${ticket}.0`, number: 7, joined: false }]
    desk.onEffects("s", placed, 1)
    desk.onEffects("s", [{ kind: "ended", task: "t", number: 7, status: "succeeded", output: "2" }], 2)
    written()
    const late = new Promise((resolve) => setImmediate(() => resolve("nothing was told")))
    assert.deepEqual(await Promise.race([called, late]), { id: "t-7", result: { status: "succeeded", output: "2" } })
  }
})

test("a run is called once it is durable, though the transaction that calls it is not", () => {
  const call = (number: number): TaskEffect => ({ kind: "call", task: "t", lease: number, alone: false, runs: [{ number, attempt: 1, input: "1", key: "", enqueuedAt: 0 }] })
  const at = deskAt()
  at.desk.onEffects("s", [call(0), call(1)], 1)
  at.desk.onDurable()
  assert.deepEqual([at.called, at.desk.busy], [[], true])
  at.runs = 1
  at.desk.onDurable()
  assert.deepEqual([at.called, at.desk.busy], [[0], true])
  at.runs = 2
  at.desk.onDurable()
  at.desk.onDurable()
  assert.deepEqual([at.called, at.desk.busy], [[0, 1], false])
  // What was not durable is lost.
  at.desk.onEffects("s", [call(2)], 2)
  at.desk.interrupt()
  at.runs = 3
  at.desk.onDurable()
  assert.deepEqual([at.called, at.desk.busy], [[0, 1], false])
})

import assert from "node:assert/strict"
import { test } from "node:test"
import type { Store, TaskEffect } from "@millrace/engine"
import { compile, service, task } from "@millrace/sdk"
import type { Log } from "../log.ts"
import type { Request } from "../intake-desk.ts"
import { Commits } from "../commits.ts"
import { Attempts } from "./attempts.ts"
import { TaskDesk } from "./task-desk.ts"
import { Values } from "./values.ts"

const log: Log = { info: () => undefined, warn: () => undefined, error: () => undefined }
const plan = compile(service("s", [task("t", { run: (input: unknown) => input })])).plan

/** A desk whose disk has written nothing until it is told to: then all at once, as one sync covers what came before it. */
function deskAt(takes: (request: Request) => void): { readonly desk: TaskDesk; written(): void; readonly attempts: Attempts } {
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
    durableOf: () => 0,
    assertReady: nobody,
    isReady: () => true,
  })
  const attempts = new Attempts({ code: { files: [] }, valuesAt: "", threads: 1, blockedMs: 1, heapMegabytes: 1, idleMs: 1, log, events: { onOutcomes: nobody, onTold: nobody, onSend: nobody } })
  desk.open([plan], attempts)
  return { desk, written, attempts }
}

test("who calls a run hears of its end, though it is told in the same moment as that the run is there", async (t) => {
  for (const options of [{}, { idempotencyKey: "k" }]) {
    let ticket: string | undefined
    const { desk, written, attempts } = deskAt(({ task: inputs }) => {
      ticket = inputs?.facts.ticket
    })
    t.after(() => attempts.stop())
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

import assert from "node:assert/strict"
import { existsSync } from "node:fs"
import path from "node:path"
import { test } from "node:test"
import { isDeepStrictEqual } from "node:util"
import { type ErrorData, isMillraceError } from "@millrace/model"
import { hanging, idle, openNode, send, valuesOf } from "../../test/bench.ts"
import type { Job } from "../../test/services/tasks.ts"
import type { Node } from "../node.ts"
import type { RunEvent } from "./run-watches.ts"

const bytes = (value: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(value))

async function enqueue(node: Node, job: Job): Promise<string> {
  const [id] = await node.tasks.enqueue({ task: "work", format: "json", body: bytes(job) })
  assert.ok(id)
  return id
}

/** Asks again and again until it is so. */
async function ends(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((next) => setImmediate(next))
}

async function refused(promise: Promise<unknown>): Promise<ErrorData> {
  const fault = await promise.then(
    () => assert.fail("it was taken"),
    (error: unknown) => error,
  )
  assert.ok(isMillraceError(fault), String(fault))
  return fault
}

test("a run is called in a thread of its own kind, and whoever waits gets its output", async (t) => {
  const { node } = await openNode(t, ["tasks"])
  const id = await enqueue(node, { seq: 7 })
  assert.equal(id, "work-0")
  assert.deepEqual(await node.tasks.result(id), { status: "succeeded", output: '{"seq":7,"by":"attempt 1"}' })
  const { attempts, trigger, input } = await node.tasks.run(id)
  assert.deepEqual([attempts[0]?.logs, trigger, input], [['doing {"seq":7}'], "call", '{"seq":7}'])
  await idle(node)
  assert.deepEqual(await valuesOf(node, "done"), [{ seq: 7 }])
})

test("failures are repeated as the task says", async (t) => {
  const { node } = await openNode(t, ["tasks"])
  const results = async (job: Job): Promise<readonly [string, string | undefined, number]> => {
    const id = await enqueue(node, job)
    const { status, error } = await node.tasks.result(id)
    return [status, error?.message, (await node.tasks.run(id)).attempts.length]
  }
  assert.deepEqual(await results({ seq: 1, do: "throw" }), ["failed", "TypeError: as told", 2])
  assert.deepEqual(await results({ seq: 2, do: "give up" }), ["failed", "NonRetryableError: hopeless", 1])
  assert.deepEqual(await results({ seq: 3, do: "throw once" }), ["succeeded", undefined, 2])
  assert.deepEqual(await results({ seq: 4, do: "later" }), ["succeeded", undefined, 2])
  // What is said on the console is a line of the attempt, too.
  assert.deepEqual((await node.tasks.run("work-3")).attempts.map(({ logs }) => logs?.at(-1)), ["attempt 1", "attempt 2"])
  const [status, message, attempts] = await results({ seq: 5, do: "bad output" })
  assert.deepEqual([status, attempts], ["failed", 1])
  assert.match(message ?? "", /^task "work", output: seq: /)
  assert.equal((await node.tasks.run("work-4")).error?.code, "MR1206")
})

test("an input that does not fit is refused with each fault, and nothing is enqueued", async (t) => {
  const { node } = await openNode(t, ["tasks"])
  const { code, details } = await refused(node.tasks.enqueue({ task: "work", format: "json", body: bytes({ seq: "x", do: "nothing" }) }))
  assert.deepEqual([code, (details["faults"] as readonly { readonly path: string }[]).map(({ path }) => path)], ["MR1023", ["seq", "do"]])
  const lines = new TextEncoder().encode('{"seq":1}\n{"seq":"two"}\n{"seq":3}')
  const many = await refused(node.tasks.enqueue({ task: "work", format: "ndjson", body: lines }))
  assert.deepEqual([many.code, (many.details["rejected"] as readonly { readonly index: number }[]).map(({ index }) => index)], ["MR1023", [1]])
  assert.equal((await refused(node.tasks.enqueue({ task: "wrok", format: "json", body: bytes(1) }))).code, "MR1022")
  for (const id of ["work-99", "work-x", "nothing-1"]) assert.equal((await refused(node.tasks.run(id))).code, "MR1024")
  assert.deepEqual((await node.tasks.runs("work", { limit: 10 })).runs, [])
})

test("code that blocks its thread, or ends it, fails alone; its neighbours lose no attempt", async (t) => {
  const { node } = await openNode(t, ["tasks"], { bounds: hanging })
  const waits = [await enqueue(node, { seq: 1, do: "wait" }), await enqueue(node, { seq: 2, do: "wait" })]
  const loops = await enqueue(node, { seq: 3, do: "loop" })
  const exits = await enqueue(node, { seq: 4, do: "exit" })
  for (const id of waits) {
    assert.equal((await node.tasks.result(id)).status, "succeeded")
    assert.equal((await node.tasks.run(id)).attempt, 1)
  }
  assert.equal((await node.tasks.result(loops)).error?.code, "MR1202")
  assert.equal((await node.tasks.result(exits)).error?.code, "MR1204")
  // Of what they told nothing is lost with the thread.
  for (const [id, seq, act] of [[loops, 3, "loop"], [exits, 4, "exit"]] as const) {
    const { attempts } = await node.tasks.run(id)
    assert.deepEqual(attempts.map(({ outcome, logs }) => [outcome, logs]), attempts.map(() => ["lost", [`doing {"seq":${seq},"do":"${act}"}`]]))
  }
})

test("who looks at a run whose code blocks its thread sees what it has told", async (t) => {
  const { node } = await openNode(t, ["blocking"], { bounds: { taskBlockedMsMax: 86_400_000 } })
  const [id = ""] = await node.tasks.enqueue({ task: "holder", format: "json", body: bytes("all of it") })
  await ends(async () => (await node.tasks.run(id)).logs !== undefined)
  assert.deepEqual((await node.tasks.run(id)).logs, ["holds all of it"])
})

test("a run that fills the heap faster than V8 can end its thread fails alone, and the node goes on", async (t) => {
  const { node } = await openNode(t, ["blocking"], { bounds: { workerHeapMegabytesMax: 64, taskBlockedMsMax: 60_000 } })
  const idOf = async (task: string): Promise<string> => (await node.tasks.enqueue({ task, format: "json", body: bytes(10) }))[0] ?? ""
  const [filler, patient] = [await idOf("filler"), await idOf("patient")]
  assert.equal((await node.tasks.result(patient)).status, "succeeded")
  const { status, error } = await node.tasks.result(filler)
  assert.deepEqual([status, error?.code], ["failed", "MR1203"])
  assert.deepEqual((await node.tasks.run(filler)).attempts.at(-1)?.logs, ["warn: fills its heap"])
})

test("code that blocks its thread is stopped when its own time is over, and named; its neighbours lose no attempt", async (t) => {
  // A thread is not given up for no reason but that it is silent.
  const { node, dir, said } = await openNode(t, ["blocking"], { workers: 1, bounds: { taskBlockedMsMax: 86_400_000 } })
  const idOf = async (task: string, input: unknown): Promise<string> => (await node.tasks.enqueue({ task, format: "json", body: bytes(input) }))[0] ?? ""
  // They are in hand of the thread until it is gone. One may take so long, one has all the time.
  const files = ["hasty", "calm"].map((name) => path.join(dir, name))
  const hasty = await idOf("hasty", files[0])
  const calm = await idOf("calm", files[1])
  await ends(async () => files.every((file) => existsSync(file)))
  const blocker = await idOf("blocker", "loop")
  assert.equal((await node.tasks.result(blocker)).status, "failed")
  await ends(async () => (await node.tasks.run(blocker)).error?.message.includes("run blocker-0 held its thread") === true)
  for (const id of [hasty, calm]) {
    assert.deepEqual(await node.tasks.result(id), { status: "succeeded", output: '"done"' })
    const { attempt, attempts } = await node.tasks.run(id)
    assert.deepEqual([attempt, attempts.map(({ outcome }) => outcome)], [1, ["lost", "succeeded"]], id)
  }
  const { error, attempts } = await node.tasks.run(blocker)
  assert.deepEqual([error?.code, attempts.at(-1)?.outcome, attempts.at(-1)?.error], ["MR1202", "timed-out", error])
  // The attempt is told as shorter than the thread was held.
  assert.match(error?.message ?? "", /^Code of run blocker-0 held its thread for more than \d+ ms without a pause, on after its attempt was over; the thread was replaced\./)
  assert.deepEqual(attempts.map(({ logs }) => logs), [["blocks: loop"]])
  assert.ok(said.some(({ level, facts }) => level === "error" && facts["culprit"] === "run blocker-0"))
})

test("a cancelled run's signal is aborted, and so is that of an attempt that takes too long", async (t) => {
  const { node } = await openNode(t, ["tasks"])
  const cancelled = await enqueue(node, { seq: 1, do: "wait for ever" })
  const late = await enqueue(node, { seq: 2, do: "wait for ever" })
  await ends(async () => (await node.tasks.stand("work")).counts.running === 2)
  await node.tasks.cancel(cancelled, "no longer needed")
  assert.deepEqual(await node.tasks.result(cancelled), { status: "cancelled", error: { code: "MR1207", message: "no longer needed", details: {} } })
  const { status, error } = await node.tasks.result(late)
  assert.deepEqual([status, error?.code, (await node.tasks.run(late)).attempts.map(({ outcome }) => outcome)], ["failed", "MR1202", ["timed-out", "timed-out"]])
  // What they told until then is kept.
  const linesOf = async (id: string): Promise<unknown> => (await node.tasks.run(id)).attempts.map(({ logs }) => logs)
  await ends(async () => isDeepStrictEqual(await linesOf(cancelled), [['doing {"seq":1,"do":"wait for ever"}']]))
  const line = 'doing {"seq":2,"do":"wait for ever"}'
  await ends(async () => isDeepStrictEqual(await linesOf(late), [[line], [line]]))
  await idle(node)
})

test("who looks at a run sees what its attempt has told so far", async (t) => {
  const { node } = await openNode(t, ["tasks"])
  const id = await enqueue(node, { seq: 1, do: "wait for ever" })
  const lines = ['doing {"seq":1,"do":"wait for ever"}']
  await ends(async () => isDeepStrictEqual((await node.tasks.run(id)).logs, lines))
  await node.tasks.cancel(id)
  const ended = await node.tasks.run(id)
  assert.deepEqual([ended.status, ended.logs], ["cancelled", undefined])
  await ends(async () => isDeepStrictEqual((await node.tasks.run(id)).attempts[0]?.logs, lines))
  await idle(node)
})

test("a call that would wait on a node for a place that its own callers hold is refused, and the others go on", async (t) => {
  const { node } = await openNode(t, ["circles"])
  const resultOf = async (task: string, input: unknown): Promise<readonly [string, string | undefined]> => {
    const [id = ""] = await node.tasks.enqueue({ task, format: "json", body: bytes(input) })
    const { status, output, error } = await node.tasks.result(id)
    return [status, output ?? error?.code]
  }
  assert.deepEqual(await resultOf("tree", 3), ["succeeded", "3"])
  assert.deepEqual(await resultOf("tree", 4), ["failed", "MR1211"])
  assert.deepEqual((await node.tasks.runs("tree", { limit: 5 })).runs.map(({ status }) => status), ["cancelled", "failed", "failed", "failed", "failed"])
  // Four at once, each of which calls the task again: some are refused, none waits for ever.
  const four = await Promise.all([1, 1, 1, 1].map(async (depth) => resultOf("tree", depth)))
  assert.ok(four.every(([status, told]) => status === "succeeded" || told === "MR1211"), JSON.stringify(four))
  assert.deepEqual(await resultOf("keyed", ["a", "b"]), ["succeeded", '"b"'])
  assert.deepEqual(await resultOf("keyed", ["a", "b", "a"]), ["failed", "MR1211"])
})

test("what a run on a node has called and waits for is cancelled with it; what it has sent, and what it calls when it hears of its end, goes on", async (t) => {
  const { node } = await openNode(t, ["callers"])
  const stand = async () => Promise.all(["top", "middle", "leaf"].map(async (task) => (await node.tasks.runs(task, { limit: 9 })).runs.map(({ status }) => status)))
  const stands = async (...wanted: readonly (readonly string[])[]) => ends(async () => isDeepStrictEqual(await stand(), wanted))
  const begin = async (task: string, given: string): Promise<string> => (await node.tasks.enqueue({ task, format: "json", body: bytes(given) }))[0] ?? ""
  const first = await begin("top", "call")
  await stands(["running"], ["running"], ["running"])
  await node.tasks.cancel(first)
  await stands(["cancelled"], ["cancelled"], ["cancelled"])
  assert.equal((await node.tasks.run("leaf-0")).error?.message, "It was cancelled, as run middle-0, which had called it, was cancelled.")
  // Its time is over; under a key too, as this was its last attempt.
  // Its time is over, perhaps before it has called anything: on a machine that is that busy it tries again.
  for (let called = 0; called === 0;) {
    const id = await begin("brief", "call")
    await node.tasks.result(id)
    await ends(async () => (await stand()).every((all) => all.every((status) => status === "cancelled")))
    const middles = (await node.tasks.runs("middle", { limit: 9 })).runs.map(({ error }) => error?.message)
    called = middles.filter((message) => message === `It was cancelled, as run ${id}, which had called it, has failed.`).length
  }
  const sofar = (await stand())[2]?.length ?? 0
  const [sent, undone] = [await begin("top", "send"), await begin("top", "undo")]
  await ends(async () => (await stand())[2]?.length === sofar + 1)
  await node.tasks.cancel(sent)
  await node.tasks.cancel(undone)
  await ends(async () => (await stand())[2]?.length === sofar + 2)
  assert.deepEqual((await stand())[2]?.slice(0, 3), ["running", "running", "cancelled"])
  for (const { number } of (await node.tasks.runs("leaf", { limit: 2 })).runs) await node.tasks.cancel(`leaf-${number}`)
  await idle(node)
})

test("a handle on a node tells how its run stands, cancels it, and begins it again", async (t) => {
  const { node } = await openNode(t, ["callers"])
  const [id = ""] = await node.tasks.enqueue({ task: "keeper", format: "json", body: bytes(null) })
  const { output } = await node.tasks.result(id)
  assert.deepEqual(JSON.parse(output ?? "null"), ["running", { half: true }, "cancelled", "MR1207", true, "MR1207", true])
  await idle(node)
})

test("a task calls another, and tells how far it is", async (t) => {
  const { node } = await openNode(t, ["tasks"])
  assert.equal((await node.tasks.result(await enqueue(node, { seq: 21, do: "call" }))).output, '{"seq":42,"by":"double"}')
  const events: RunEvent[] = []
  node.tasks.watch("work-1", (event) => events.push(event))
  const id = await enqueue(node, { seq: 1, do: "tell" })
  await node.tasks.result(id)
  assert.deepEqual(events, [
    { kind: "attempt", attempt: 1 },
    { kind: "progress", json: '{"half":true}', place: events[1]?.kind === "progress" && events[1].place },
    { kind: "chunk", json: '"a piece"', place: events[2]?.kind === "chunk" && events[2].place },
    { kind: "ended", result: { status: "succeeded" } },
  ])
  const later: RunEvent[] = []
  node.tasks.watch("work-1", (event) => later.push(event), "")
  assert.deepEqual(later.slice(1), events.slice(1, 3))
})

test("each record of a stream is one run, and its output goes on", async (t) => {
  const { node } = await openNode(t, ["tasks"])
  const all = Array.from({ length: 500 }, (_, seq): Job => (seq % 50 === 0 ? { seq, do: "throw once" } : { seq }))
  await send(node, "jobs", all)
  await ends(async () => (await node.tasks.stand("work")).counts.succeeded === 500)
  await idle(node)
  const found = (await valuesOf<Job>(node, "done")).map(({ seq }) => seq)
  assert.deepEqual(found.toSorted((a, b) => a - b), all.map(({ seq }) => seq))
  assert.equal((await node.tasks.stand("work")).counts.succeeded, 500)
})

test("a repeat with the same idempotency key gets the same run and its result", async (t) => {
  const { node } = await openNode(t, ["tasks"])
  const request = { task: "work", format: "json" as const, body: bytes({ seq: 1 }), options: { idempotencyKey: "once" } }
  const [first] = await node.tasks.enqueue(request)
  assert.equal((await node.tasks.result(first ?? "")).status, "succeeded")
  for (let i = 0; i < 3; i++) assert.deepEqual(await node.tasks.enqueue({ ...request, body: bytes({ seq: 1 }) }), [first])
  assert.equal((await node.tasks.stand("work")).counts.succeeded, 1)
})

test("a repeat with the same idempotency key and another input is refused whoever gives it, across a restart too", async (t) => {
  const before = await openNode(t, ["tasks"])
  const asked = (seq: number) => ({ task: "work", format: "json" as const, body: bytes({ seq }), options: { idempotencyKey: "once" } })
  const [first] = await before.node.tasks.enqueue(asked(5))
  assert.equal((await before.node.tasks.result(first ?? "")).status, "succeeded")
  const refused = (error: unknown): boolean => isMillraceError(error) && error.code === "MR1011" && error.message.includes('task "work"')
  await assert.rejects(before.node.tasks.enqueue(asked(6)), refused)
  await assert.rejects(before.node.tasks.call(asked(6)), refused)
  await before.node.close()
  const { node } = await openNode(t, ["tasks"], { dir: before.dir })
  await assert.rejects(node.tasks.enqueue(asked(6)), refused)
  assert.deepEqual(await node.tasks.enqueue(asked(5)), [first])
  // As the code in the process calls it.
  const { caller } = node.tasks
  const [five, six] = [5, 6].map((seq) => JSON.stringify({ seq })) as [string, string]
  assert.deepEqual(await caller.send("work", [five], { idempotencyKey: "once" }), [first])
  assert.equal((await caller.call("work", five, { idempotencyKey: "once" })).id, first)
  for (const again of [caller.send("work", [six], { idempotencyKey: "once" }), caller.call("work", six, { idempotencyKey: "once" }), caller.send("work", [five, six], { idempotencyKey: "once" })]) await assert.rejects(again, refused)
  assert.equal((await node.tasks.stand("work")).counts.succeeded, 1)
})

test("runs that were under way as the node stopped go on when it starts again", async (t) => {
  const first = await openNode(t, ["tasks"])
  const id = await enqueue(first.node, { seq: 1, do: "wait" })
  const waits = await enqueue(first.node, { seq: 2, do: "wait for ever" })
  await ends(async () => (await first.node.tasks.run(waits)).status === "running")
  await first.node.close()
  const { node } = await openNode(t, ["tasks"], { dir: first.dir })
  assert.equal((await node.tasks.result(id)).status, "succeeded")
  const { status, attempt } = await node.tasks.run(waits)
  assert.deepEqual([status, attempt], ["running", 1])
  await node.tasks.cancel(waits)
})

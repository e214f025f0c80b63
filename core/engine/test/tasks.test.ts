import assert from "node:assert/strict"
import { test } from "node:test"
import { type ErrorData, type MillraceError, limits } from "@millrace/model"
import { service, stream, task } from "@millrace/sdk"
import { z } from "zod"
import { type RunFilter, type RunPage, shownOf, textOf } from "../src/index.ts"
import { fitting } from "../src/tasks/input.ts"
import { Rig } from "./rig.ts"
import { TaskRig } from "./task-rig.ts"

const oops: ErrorData = { code: "MR1201", message: "oops", details: {} }
const run = (input: unknown): unknown => input

test("a run is called, its output is kept and published", async () => {
  const rig = await TaskRig.open(task("t", { run }), 1000)
  const number = await rig.enqueue({ a: 1 }, { waited: true })
  assert.equal(rig.status(number), "running")
  assert.deepEqual(rig.callOf(number).runs, [{ number: 0, attempt: 1, input: '{"a":1}', key: "", enqueuedAt: 1000 }])
  rig.finish(number, { kind: "succeeded", output: '{"b":2}' })
  assert.deepEqual(rig.ended, [{ kind: "ended", task: "t", number: 0, status: "succeeded", output: '{"b":2}' }])
  assert.deepEqual(await rig.outputs(), [{ b: 2 }])
  const { attempts, output, finishedAt } = rig.run(number)
  assert.deepEqual([attempts, output, finishedAt], [[{ startedAt: 1000, endedAt: 1000, outcome: "succeeded" }], '{"b":2}', 1000])
})

test("a failed attempt is repeated after its backoff, and the last one ends the run", async () => {
  const rig = await TaskRig.open(task("t", { run, retry: { attempts: 3, backoff: { first: "1s", factor: 3, jitter: false } } }))
  const number = await rig.enqueue(1)
  rig.finish(number, { kind: "failed", error: oops })
  assert.deepEqual([rig.status(number), rig.run(number).dueAt], ["delayed", 1000])
  await rig.pass(999)
  assert.equal(rig.status(number), "delayed")
  await rig.pass(1)
  assert.equal(rig.callOf(number).runs[0]?.attempt, 2)
  rig.finish(number, { kind: "failed", error: oops })
  await rig.pass(3000)
  rig.finish(number, { kind: "failed", error: oops })
  assert.deepEqual([rig.status(number), rig.run(number).error, rig.run(number).attempts.length], ["failed", oops, 3])
  assert.deepEqual(await rig.outputs(), [])
})

test("jitter spreads waits between half and whole", async () => {
  const rig = await TaskRig.open(task("t", { run, retry: { attempts: 2, backoff: { first: "10s" } } }))
  const waits: number[] = []
  for (let i = 0; i < 50; i++) {
    const number = await rig.enqueue(i)
    rig.finish(number, { kind: "failed", error: oops })
    waits.push(rig.run(number).dueAt as number)
  }
  assert.ok(waits.every((wait) => wait >= 5_000 && wait <= 10_000))
  assert.ok(new Set(waits).size > 25)
})

test("a final failure ends the run at once, and a failure may say when to try again", async () => {
  const rig = await TaskRig.open(task("t", { run }))
  const final = await rig.enqueue(1)
  rig.finish(final, { kind: "failed", error: oops, final: true })
  assert.equal(rig.status(final), "failed")
  const later = await rig.enqueue(2)
  rig.finish(later, { kind: "failed", error: oops, afterMs: 77_000 })
  assert.equal(rig.run(later).dueAt, 77_000)
})

test("a far time that a failure or an enqueue asks for is bounded, and the run's own time to end comes first", async () => {
  const rig = await TaskRig.open(task("t", { timeout: { run: "1h" }, run }))
  const failing = await rig.enqueue(1)
  rig.finish(failing, { kind: "failed", error: oops, afterMs: 1e17 })
  assert.equal(rig.run(failing).dueAt, 1e12)
  const far = await rig.enqueue(2, { delayMs: 1e17 })
  assert.equal(rig.run(far).dueAt, 1e12)
  await rig.pass(3_600_000)
  assert.equal(rig.status(failing), "failed")
  assert.match(rig.run(failing).error?.message ?? "", /had not ended after 3600000 ms/)
})

test("an outcome under an old lease changes nothing", async () => {
  const rig = await TaskRig.open(task("t", { run }))
  const number = await rig.enqueue(1)
  const { lease } = rig.callOf(number)
  await rig.restart()
  const again = rig.callOf(number)
  assert.notEqual(again.lease, lease)
  rig.complete([{ kind: "succeeded", number, lease, output: '"old"' }])
  assert.deepEqual([rig.status(number), await rig.outputs()], ["running", []])
  rig.complete([{ kind: "succeeded", number, lease: again.lease, output: '"new"' }])
  rig.complete([{ kind: "succeeded", number, lease: again.lease, output: '"twice"' }])
  assert.deepEqual(await rig.outputs(), ["new"])
})

test("runs wait for their turn: by priority, then as they were enqueued", async () => {
  const rig = await TaskRig.open(task("t", { run, concurrency: 1 }))
  const first = await rig.enqueue("first")
  const numbers: number[] = []
  for (const priority of [0, 5, 0, 5, -3]) numbers.push(await rig.enqueue("next", { priority }))
  const order: number[] = []
  assert.deepEqual(rig.running, [first])
  while (rig.running.length > 0) {
    for (const number of rig.running) {
      order.push(number)
      rig.finish(number, { kind: "succeeded", output: "1" })
    }
  }
  const [a, b, c, d, e] = numbers
  assert.deepEqual(order, [first, b, d, a, c, e])
})

test("runs of one key wait for each other, those of others do not", async () => {
  const rig = await TaskRig.open(task("t", { run, key: () => "", concurrency: { perKey: 1 } }))
  const a1 = await rig.enqueue(1, { key: "a" })
  const a2 = await rig.enqueue(2, { key: "a" })
  const b1 = await rig.enqueue(3, { key: "b" })
  assert.deepEqual(rig.running, [a1, b1])
  // A run that waits to be repeated does not keep its key.
  rig.finish(a1, { kind: "failed", error: oops })
  assert.deepEqual(rig.running, [b1, a2])
  await rig.pass(60_000)
  assert.deepEqual(rig.running, [b1, a2])
  rig.finish(a2, { kind: "succeeded", output: "1" })
  assert.deepEqual(rig.running, [b1, a1])
})

test("a token bucket lets so many start, then one by one", async () => {
  const rig = await TaskRig.open(task("t", { run, rateLimit: { limit: 2, per: "10s" } }))
  for (let i = 0; i < 5; i++) await rig.enqueue(i)
  assert.equal(rig.running.length, 2)
  await rig.pass(4_999)
  assert.equal(rig.running.length, 2)
  await rig.pass(1)
  assert.equal(rig.running.length, 3)
  // A machine that takes over lets no more start.
  await rig.restart()
  assert.equal(rig.running.length, 3)
  await rig.pass(10_000)
  assert.equal(rig.running.length, 5)
})

test("each key has its own bucket, which is forgotten when it is full again", async () => {
  const rig = await TaskRig.open(task("t", { run, key: () => "", rateLimit: { limit: 1, per: "1m" } }))
  const numbers = [await rig.enqueue(1, { key: "a" }), await rig.enqueue(2, { key: "a" }), await rig.enqueue(3, { key: "b" })]
  assert.deepEqual(rig.running, [numbers[0], numbers[2]])
  await rig.pass(60_000)
  assert.deepEqual(rig.running, [numbers[0], numbers[2], numbers[1]])
  for (const number of numbers) rig.finish(number, { kind: "succeeded", output: "1" })
  await rig.pass(600_000)
  assert.equal([...rig.rig.store.state.entries("tasks/t@gates", 0, 0)].length, 0)
})

test("a throttled key keeps its first run, a debounced one its last input", async () => {
  const throttled = await TaskRig.open(task("t", { run, throttle: "1m" }))
  const first = await throttled.enqueue(1, { ticket: "one" })
  await throttled.enqueue(2, { ticket: "two" })
  assert.deepEqual(
    throttled.placed.map(({ ticket, number, joined }) => [ticket, number, joined]),
    [
      ["one", first, false],
      ["two", first, true],
    ],
  )
  await throttled.pass(60_000)
  const third = await throttled.enqueue(3)
  assert.equal(throttled.status(third), "running")

  const debounced = await TaskRig.open(task("d", { run, debounce: { wait: "10s", most: "25s" } }))
  const number = await debounced.enqueue(1)
  for (const input of [2, 3]) {
    await debounced.pass(9_000)
    await debounced.enqueue(input)
  }
  // 9 + 9 + 10 s would be more than the most.
  assert.equal(debounced.run(number).dueAt, 25_000)
  await debounced.pass(7_000)
  assert.equal(debounced.callOf(number).runs[0]?.input, "3")
  const next = await debounced.enqueue(4)
  assert.equal(debounced.status(next), "delayed")
})

test("a repeat of a bulk joins its runs one by one, until the window is over", async () => {
  const rig = await TaskRig.open(task("t", { concurrency: 100, run, idempotency: "1h" }))
  const bulk = async (name: string, of: number, fingerprint: number): Promise<readonly (readonly [number: number, joined: boolean, isOther: boolean])[]> => {
    const from = rig.placed.length
    for (let i = 0; i < of; i++) await rig.enqueue(i, { idempotencyKey: `${name}/${i}`, among: of, fingerprint, ticket: `${name}.${i}` })
    return rig.placed.slice(from).map(({ number, joined, otherBody }) => [number, joined, otherBody === true])
  }
  const first = await bulk("a/b", 3, 1)
  assert.deepEqual(first, [[0, false, false], [1, false, false], [2, false, false]])
  const other = await bulk("a", 1, 2)
  assert.deepEqual(other, [[3, false, false]])
  await rig.restart()
  assert.deepEqual(await bulk("a/b", 3, 1), [[0, true, false], [1, true, false], [2, true, false]])
  assert.deepEqual((await bulk("a/b", 3, 2)).map(([, , isOther]) => isOther), [true, true, true])
  // One that a version before has enqueued, when each had a key for itself.
  const alone = await rig.enqueue(1, { idempotencyKey: "c/0", fingerprint: 1 })
  assert.deepEqual(await bulk("c", 1, 1), [[alone, true, false]])
  assert.deepEqual(rig.run(1).idempotencyKey, "a/b/1")
  await rig.pass(3_600_000)
  assert.deepEqual((await bulk("a/b", 3, 1)).map(([, joined]) => joined), [false, false, false])
})

test("a longer bulk under the key of a shorter one adds what is new, each once", async () => {
  const rig = await TaskRig.open(task("t", { run, idempotency: "1h" }))
  const bulk = async (of: number): Promise<readonly number[]> => {
    const from = rig.placed.length
    for (let i = 0; i < of; i++) await rig.enqueue(i, { idempotencyKey: `k/${i}`, among: of, ticket: `k.${i}` })
    return rig.placed.slice(from).map(({ number }) => number)
  }
  const short = await bulk(2)
  const long = await bulk(4)
  assert.deepEqual(long.slice(0, 2), short)
  assert.equal(new Set(long).size, 4)
  assert.deepEqual(await bulk(4), long)
})

test("a bulk under the key of another input is refused as a whole", async () => {
  const rig = await TaskRig.open(task("t", { run, idempotency: "1h" }))
  await rig.enqueue(1, { idempotencyKey: "k", fingerprint: 1, ticket: "one" })
  for (let i = 0; i < 3; i++) await rig.enqueue(i, { idempotencyKey: `k/${i}`, among: 3, fingerprint: 2, ticket: `k.${i}` })
  assert.deepEqual(rig.placed.map(({ number, otherBody }) => [number, otherBody === true]), [[0, false], [0, true], [0, true], [0, true]])
})

test("a repeat with the same idempotency key joins the run, until the window is over", async () => {
  const rig = await TaskRig.open(task("t", { run, idempotency: "1h" }))
  const number = await rig.enqueue(1, { idempotencyKey: "k", waited: true })
  rig.finish(number, { kind: "succeeded", output: '"done"' })
  await rig.enqueue(1, { idempotencyKey: "k", waited: true, ticket: "again" })
  assert.deepEqual(rig.placed.map((each) => each.number), [number])
  assert.deepEqual(rig.ended.map(({ output }) => output), ['"done"', '"done"'])
  await rig.pass(3_600_000)
  const other = await rig.enqueue(1, { idempotencyKey: "k" })
  assert.equal(rig.status(other), "running")
})

test("an idempotency key is remembered as long as its enqueue says, at most as long as the task does", async () => {
  const rig = await TaskRig.open(task("t", { run, idempotency: "1h" }))
  const numbers = new Map<string, number>()
  const repeated = async (key: string): Promise<boolean> => {
    const before = rig.placed.length
    await rig.enqueue(1, { idempotencyKey: key, ticket: key })
    return rig.placed[before]?.number === numbers.get(key)
  }
  for (const [key, keyMs] of [["short", 60_000], ["long", 86_400_000]] as const) numbers.set(key, await rig.enqueue(1, { idempotencyKey: key, keyMs }))
  await rig.pass(59_999)
  assert.deepEqual([await repeated("short"), await repeated("long")], [true, true])
  await rig.pass(1)
  assert.deepEqual([await repeated("short"), await repeated("long")], [false, true])
  await rig.pass(3_540_000)
  assert.equal(await repeated("long"), false)
})

test("a run that does not start in time expires; one that has started does not", async () => {
  const rig = await TaskRig.open(task("t", { run, concurrency: 1, ttl: "1m" }))
  const runs = await rig.enqueue(1)
  const waits = await rig.enqueue(2)
  await rig.pass(60_000)
  assert.deepEqual([rig.status(runs), rig.status(waits), rig.run(waits).error?.code], ["running", "expired", "MR1208"])
  rig.finish(runs, { kind: "succeeded", output: "1" })
  assert.deepEqual(rig.running, [])
})

test("an attempt that takes too long is aborted and repeated; a run that takes too long has failed", async () => {
  const rig = await TaskRig.open(task("t", { run, timeout: { attempt: "10s", run: "30s" }, retry: { attempts: 9, backoff: { first: "1s", factor: 1, jitter: false } } }))
  const number = await rig.enqueue(1)
  const { lease } = rig.callOf(number)
  await rig.pass(10_000)
  assert.deepEqual(rig.aborted, [{ kind: "abort", task: "t", lease, reason: "timed-out" }])
  assert.deepEqual([rig.status(number), rig.run(number).attempts[0]?.outcome], ["delayed", "timed-out"])
  rig.complete([{ kind: "succeeded", number, lease, output: "1" }])
  assert.equal(rig.status(number), "delayed")
  await rig.pass(20_000)
  assert.deepEqual([rig.status(number), rig.run(number).error?.code], ["failed", "MR1202"])
})

test("a cancelled run is aborted, and nothing comes of it", async () => {
  const rig = await TaskRig.open(task("t", { run, concurrency: 1 }))
  const runs = await rig.enqueue(1)
  const waits = await rig.enqueue(2)
  const delayed = await rig.enqueue(3, { delayMs: 1000 })
  const { lease } = rig.callOf(runs)
  for (const number of [delayed, waits, runs]) await rig.tell(["cancel", number, "not wanted"])
  for (const number of [delayed, waits, runs]) assert.deepEqual([rig.status(number), rig.run(number).error?.code], ["cancelled", "MR1207"])
  rig.complete([{ kind: "succeeded", number: runs, lease, output: "1" }])
  await rig.pass(10_000)
  assert.deepEqual([rig.running, await rig.outputs(), rig.stand.counts.cancelled], [[], [], 3])
})

test("a worker that dies costs its neighbours no attempt, and who dies alone has failed", async () => {
  const rig = await TaskRig.open(task("t", { run, retry: { attempts: 2, backoff: { first: "1s", jitter: false } } }))
  const culprit = await rig.enqueue("loops")
  const neighbour = await rig.enqueue("works")
  const lost = [culprit, neighbour].map((number) => ({ kind: "lost" as const, number, lease: rig.callOf(number).lease, error: oops }))
  rig.complete(lost)
  for (const number of [culprit, neighbour]) {
    const { alone, runs } = rig.callOf(number)
    assert.deepEqual([alone, runs[0]?.attempt], [true, 1])
  }
  rig.finish(neighbour, { kind: "succeeded", output: "1" })
  rig.finish(culprit, { kind: "lost", error: oops })
  assert.deepEqual([rig.status(neighbour), rig.status(culprit)], ["succeeded", "delayed"])
  await rig.pass(1000)
  assert.equal(rig.callOf(culprit).alone, true)
  rig.finish(culprit, { kind: "lost", error: oops })
  assert.equal(rig.status(culprit), "failed")
})

test("who is known to be innocent is called among others again; of the rest, so many at a time are called alone", async () => {
  const rig = await TaskRig.open(task("t", { run, concurrency: 20 }))
  const count = limits.callsAloneMax + 2
  const innocent = await rig.enqueue("works")
  const suspects: number[] = []
  for (let i = 0; i < count; i++) suspects.push(await rig.enqueue(i))
  const lost = (number: number, blameless: boolean) => ({ kind: "lost" as const, number, lease: rig.callOf(number).lease, error: oops, innocent: blameless })
  rig.complete([lost(innocent, true), ...suspects.map((number) => lost(number, false))])
  assert.deepEqual([rig.callOf(innocent).alone, rig.callOf(innocent).runs[0]?.attempt], [false, 1])
  assert.deepEqual(rig.running.filter((number) => number !== innocent), suspects.slice(0, limits.callsAloneMax))
  assert.deepEqual([rig.status(suspects.at(-1) as number), rig.stand.counts.running], ["running", count + 1])
  for (const number of suspects) rig.finish(number, { kind: "succeeded", output: "1" })
  assert.deepEqual(suspects.map((number) => [rig.status(number), rig.run(number).attempt]), suspects.map(() => ["succeeded", 1]))
  // Those that waited for a thread of their own are not forgotten by a crash, nor when they are cancelled.
  const again: number[] = []
  for (let i = 0; i < count; i++) again.push(await rig.enqueue(i))
  rig.complete(again.map((number) => lost(number, false)))
  await rig.tell(["cancel", again.at(-1) as number])
  await rig.restart()
  for (const number of again.slice(0, -1)) rig.finish(number, { kind: "succeeded", output: "1" })
  assert.deepEqual(rig.stand.counts.succeeded, 2 * count - 1)
})

test("the time of an attempt runs from when its worker was ready", async () => {
  const rig = await TaskRig.open(task("t", { run, timeout: "2s", retry: 1 }))
  const numbers = [await rig.enqueue("waits for its worker"), await rig.enqueue("does not")]
  await rig.pass(1_500)
  const [number = 0, other = 0] = numbers
  rig.complete([{ kind: "begun", number, lease: rig.callOf(number).lease }])
  assert.equal(rig.status(number), "running")
  await rig.pass(1_999)
  assert.deepEqual([rig.status(number), rig.status(other)], ["running", "failed"])
  await rig.pass(1)
  assert.deepEqual([rig.status(number), rig.run(number).error?.code], ["failed", "MR1202"])
})

test("an attempt that took too long is told to have held its thread, once that is known", async () => {
  const rig = await TaskRig.open(task("t", { run, timeout: "2s", retry: { attempts: 2, backoff: { first: "1s", jitter: false } } }))
  const number = await rig.enqueue("loops")
  const held = { code: "MR1202", message: "held its thread", details: {} } as const
  for (const status of ["delayed", "failed"]) {
    const { lease } = rig.callOf(number)
    rig.complete([{ kind: "blocked", number, lease, error: held }])
    assert.equal(rig.status(number), "running")
    await rig.pass(2_000)
    assert.equal(rig.status(number), status)
    rig.complete([{ kind: "blocked", number, lease: lease - 1, error: oops }, { kind: "blocked", number, lease, error: held }])
    const { error, attempts } = rig.run(number)
    assert.deepEqual([error, attempts.at(-1)?.error, attempts.at(-1)?.outcome], [held, held, "timed-out"])
    if (status === "delayed") await rig.pass(1_000)
  }
})

test("a batch is called when it is whole, or when the first has waited; each run ends by itself", async () => {
  const rig = await TaskRig.open(task("t", { batch: { size: 3, wait: "5s" }, run: (inputs) => inputs }))
  const [first, second] = [await rig.enqueue(1), await rig.enqueue(2)]
  assert.deepEqual(rig.running, [])
  const numbers = [first, second, await rig.enqueue(3)]
  assert.deepEqual([rig.running, rig.calls.size], [numbers, 1])
  rig.finish(first, { kind: "succeeded", output: "1" })
  rig.finish(second, { kind: "failed", error: oops, final: true })
  assert.deepEqual(numbers.map((number) => rig.status(number)), ["succeeded", "failed", "running"])
  const alone = await rig.enqueue(4)
  await rig.pass(5_000)
  assert.deepEqual(rig.running, [numbers[2], alone])
})

test("thousands of runs due in one second start as soon as there is room, and none waits for the clock", async () => {
  const count = 3_000
  const rig = await TaskRig.open(task("t", { run, concurrency: 100 }))
  const dueAt = 60_000
  for (let i = 0; i < count; i++) {
    // Spread over that second, in no order.
    rig.note(["enqueue", "0", { delayMs: dueAt + ((i * 7_919) % 1_000) }])
    if (i % 1_000 === 999) await rig.hear()
  }
  await rig.pass(dueAt + 1_000)
  let ended = 0
  // From here on the clock stands still.
  for (let { running } = rig; running.length > 0; { running } = rig) {
    rig.complete(running.map((number) => ({ kind: "succeeded", number, lease: rig.callOf(number).lease, output: "0" })))
    ended += running.length
    assert.ok(running.length === 100 || ended === count, `${running.length} at once`)
  }
  assert.deepEqual([ended, rig.stand.counts.succeeded, rig.stand.counts.delayed], [count, count, 0])
})

test("a paused task starts nothing until it is resumed", async () => {
  const rig = await TaskRig.open(task("t", { run }))
  await rig.tell(["pause"])
  const number = await rig.enqueue(1)
  assert.deepEqual([rig.stand.paused, rig.status(number), rig.stand.oldestReadyAt], [true, "waiting", 0])
  await rig.restart()
  assert.equal(rig.status(number), "waiting")
  await rig.tell(["resume"])
  assert.equal(rig.status(number), "running")
})

test("failed runs begin again, one or all that a filter finds", async () => {
  const rig = await TaskRig.open(task("t", { run, retry: 1 }))
  const numbers: number[] = []
  for (let i = 0; i < 2500; i++) numbers.push(rig.note(["enqueue", String(i), { key: i % 2 === 0 ? "even" : "odd" }]))
  await rig.hear()
  for (let left = numbers.length; left > 0;) {
    const outcomes = rig.running.map((number) => ({ kind: "failed" as const, number, lease: rig.callOf(number).lease, error: oops }))
    left -= outcomes.length
    rig.complete(outcomes)
  }
  assert.equal(rig.stand.counts.failed, 2500)
  await rig.tell(["retry", 1])
  assert.deepEqual([rig.status(1), rig.run(1).attempt], ["running", 1])
  await rig.tell(["retry-all", { key: "even", q: "oops" }, undefined, { ticket: "7", count: 0 }])
  assert.equal(rig.stand.counts.failed, 1249)
  // It is told in steps how many.
  const counts = rig.tallied.map(({ count }) => count)
  assert.deepEqual([counts.at(-1), counts.length > 1, rig.tallied.map(({ done }) => done).indexOf(true)], [1250, true, counts.length - 1])
  assert.equal(rig.stand.counts.waiting + rig.stand.counts.running, 1251)
})

test("a list, a retry and a cancel find the same runs by the same filter", async () => {
  const enqueued = async (fails: boolean): Promise<TaskRig> => {
    const rig = await TaskRig.open(task("t", { run, retry: 1, concurrency: 100 }))
    for (let i = 0; i < 20; i++) {
      await rig.pass(50)
      const number = await rig.enqueue({ n: i }, { key: i % 2 === 0 ? "even" : "odd" })
      await rig.pass(50)
      if (fails) rig.finish(number, { kind: "failed", error: { ...oops, message: `oops ${i}` } })
    }
    return rig
  }
  const found = (rig: TaskRig, search: object) => rig.page(search).runs.map(({ number }) => number)
  const open: readonly RunFilter<never>[] = [{ since: 550 }, { until: 550 }, { since: 350, until: 750, key: "odd" }, { q: '"n":1' }, { since: 10_000 }]
  const ended: readonly RunFilter<never>[] = [{ endedSince: 600 }, { endedUntil: 600 }, { endedSince: 400, endedUntil: 800, key: "odd" }, { since: 350, endedUntil: 700 }, { q: "oops 7" }]
  for (const [counts, filters] of [
    [[15, 5, 2, 11, 0], open],
    [[15, 5, 2, 3, 1], ended],
  ] as const) {
    for (const [i, filter] of filters.entries()) {
      const rig = await enqueued(true)
      const listed = found(rig, filter)
      assert.equal(listed.length, counts[i], JSON.stringify(filter))
      await rig.tell(["retry-all", filter])
      assert.deepEqual(found(rig, { status: "running" }), listed, JSON.stringify(filter))
      // Of the end of a run that has begun again, nothing holds.
      assert.deepEqual(found(rig, { status: "running", endedSince: 0 }), [])
    }
  }
  for (const filter of open) {
    const rig = await enqueued(false)
    const listed = found(rig, filter)
    await rig.tell(["cancel-all", filter])
    assert.deepEqual(found(rig, { status: "cancelled" }), listed, JSON.stringify(filter))
  }
})

test("runs that have not ended are cancelled, all that a filter finds and none that came after, and none of them starts meanwhile", async () => {
  const rig = await TaskRig.open(task("t", { run, concurrency: 10 }))
  for (let i = 0; i < 1200; i++) rig.note(["enqueue", String(i), { key: i % 2 === 0 ? "even" : "odd", delayMs: i % 10 === 9 ? 60_000 : 0 }])
  await rig.hear()
  assert.deepEqual(rig.running, [0, 1, 2, 3, 4, 5, 6, 7, 8, 10])
  rig.note(["cancel-all", { key: "even" }, undefined, { ticket: "1", count: 0 }])
  const after = rig.note(["enqueue", "2600", { key: "even" }])
  await rig.hear()
  assert.equal(rig.stand.counts.cancelled, 600)
  assert.deepEqual(rig.tallied.at(-1), { kind: "tallied", task: "t", ticket: "1", count: 600, done: true })
  // Those of the other key go on, and take the places of those that were called. That one step does not cancel what another starts: the
  // newest go first.
  assert.deepEqual([rig.running, rig.aborted.length, rig.status(after)], [[1, 3, 5, 7, 11, 13, 15, 17, 21, 23], 6, "waiting"])
  await rig.tell(["cancel-all", { status: "delayed", q: "9" }, undefined, { ticket: "2", count: 0 }])
  assert.deepEqual([rig.tallied.at(-1)?.count, rig.stand.counts.delayed], [120, 0])
  await rig.tell(["cancel-all", { since: 1 }])
  assert.equal(rig.stand.counts.cancelled, 720)
  await rig.tell(["cancel-all", {}])
  assert.deepEqual([rig.stand.counts.waiting, rig.stand.counts.running, rig.running], [0, 0, []])
  // Cancelled twice, a run was cancelled once.
  assert.equal(new Set(rig.ended.map(({ number }) => number)).size, rig.ended.length)
  await rig.tell(["retry-all", { status: "cancelled", key: "odd" }])
  assert.equal(rig.stand.counts.cancelled, 601)
})

test("runs of a key that is cancelled leave their places to nobody of it", async () => {
  const rig = await TaskRig.open(task("t", { run, concurrency: { limit: 10, perKey: 2 }, key: () => "" }))
  for (let i = 0; i < 40; i++) rig.note(["enqueue", String(i), { key: i % 2 === 0 ? "even" : "odd" }])
  await rig.hear()
  await rig.tell(["cancel-all", { key: "even" }])
  assert.deepEqual([rig.running, rig.aborted.length, rig.stand.counts.cancelled], [[1, 3], 2, 20])
  // Its gate is open again.
  const next = await rig.enqueue(41, { key: "even" })
  assert.equal(rig.status(next), "running")
})

test("a run's ttl and its time to end count from when it may start, and anew when it begins again", async () => {
  const rig = await TaskRig.open(task("t", { run, concurrency: 1, delay: "2m", ttl: "1m", timeout: { run: "90s" }, retry: 1 }))
  const first = await rig.enqueue(1)
  await rig.pass(120_000)
  assert.equal(rig.status(first), "running")
  const second = await rig.enqueue(2, { delayMs: 0 })
  await rig.pass(59_999)
  assert.equal(rig.status(second), "waiting")
  await rig.pass(1)
  assert.equal(rig.status(second), "expired")
  rig.finish(first, { kind: "failed", error: oops })
  // Begun again a minute after it might have started, it has its whole time again.
  await rig.tell(["retry", first])
  await rig.pass(89_999)
  assert.equal(rig.status(first), "running")
  await rig.tell(["retry", second])
  await rig.pass(1)
  assert.deepEqual([rig.status(first), rig.run(first).error?.code, rig.status(second)], ["failed", "MR1202", "running"])
  rig.finish(second, { kind: "failed", error: oops })
  const blocking = await rig.enqueue(3, { delayMs: 0 })
  await rig.tell(["retry", second])
  await rig.pass(60_000)
  assert.deepEqual([rig.status(blocking), rig.status(second)], ["running", "expired"])
})

test("a run that was cancelled before its time starts at once when it begins again", async () => {
  // Found by the histories: seed -334253796.
  const rig = await TaskRig.open(task("t", { run }))
  const number = await rig.enqueue(1, { delayMs: 5_000 })
  await rig.tell(["cancel", number])
  await rig.tell(["retry", number])
  assert.equal(rig.status(number), "running")
})

test("a debounced run has its ttl from when its key was quiet", async () => {
  const rig = await TaskRig.open(task("t", { run, debounce: { wait: "1m", most: "1h" }, ttl: "10s", concurrency: 1 }))
  const number = await rig.enqueue(1)
  await rig.pass(50_000)
  await rig.enqueue(2)
  await rig.pass(60_000)
  assert.deepEqual([rig.status(number), rig.run(number).input], ["running", "2"])
})

test("a repeat with the idempotency key of what has joined a run by its key joins that run too", async () => {
  for (const settings of [{ throttle: "1m" }, { debounce: "1m" }] as const) {
    const rig = await TaskRig.open(task("t", { run, ...settings }))
    const first = await rig.enqueue(1, { idempotencyKey: "a", ticket: "1" })
    await rig.enqueue(2, { idempotencyKey: "b", ticket: "2", fingerprint: 7 })
    await rig.pass(120_000)
    await rig.enqueue(2, { idempotencyKey: "b", ticket: "3", fingerprint: 7 })
    assert.deepEqual(rig.placed.map(({ number }) => number), [first, first, first], Object.keys(settings)[0])
    await rig.enqueue(3, { idempotencyKey: "b", ticket: "4", fingerprint: 8 })
    assert.deepEqual([rig.placed.at(-1)?.otherBody, rig.page().runs.length], [true, 1])
  }
})

test("a cron's runs have the key and priority of their input, and crons at the same times run each", async () => {
  const input = z.object({ shop: z.string(), weight: z.number() })
  const at = { expression: "*/10 * * * *", catchUp: "one" } as const
  const cron = [{ ...at, input: { shop: "a", weight: 3 } }, { ...at, input: { shop: "b", weight: 0 } }]
  const rig = await TaskRig.open(task("t", { input, run, key: ({ shop }) => shop, priority: ({ weight }) => weight, concurrency: { perKey: 1 }, cron }))
  await rig.pass(1_200_000)
  assert.deepEqual(rig.page().runs.map(({ key, priority, status }) => [key, priority, status]), [["b", 0, "waiting"], ["a", 3, "waiting"], ["b", 0, "running"], ["a", 3, "running"]])
  assert.throws(() => task("t", { input, run, cron: { ...at, input: { shop: "a", weight: "much" as unknown as number } } }), { code: "MR1101", message: /cron, input: the task's schema refuses it: weight: / })
})

test("ended runs are found by status, key, text and time, page by page, and go when their retention is over", async () => {
  const rig = await TaskRig.open(task("t", { run, retention: "1h", retry: 1 }))
  for (let i = 0; i < 30; i++) {
    const number = await rig.enqueue({ card: i }, { key: `k${i % 3}` })
    if (i % 5 === 0) rig.finish(number, { kind: "failed", error: oops })
    else rig.finish(number, { kind: "succeeded", output: "1" })
    await rig.pass(1000)
  }
  const first = rig.page({ limit: 20 })
  assert.deepEqual([first.runs.length, first.runs[0]?.number, first.next], [20, 29, 10])
  assert.equal(rig.page({ before: first.next }).runs.length, 10)
  assert.equal(rig.page({ status: "failed" }).runs.length, 6)
  assert.equal(rig.page({ key: "k1", since: 15_000 }).runs.length, 5)
  assert.deepEqual(rig.page({ since: 15_000, until: 18_000 }).runs.map(({ number }) => number), [17, 16, 15])
  assert.deepEqual(rig.page({ q: '"card":17' }).runs.map(({ number }) => number), [17])
  await rig.pass(3_600_000)
  assert.deepEqual([rig.page().runs, rig.knows(3)], [[], false])
  for (const scope of ["runs", "blocks", "failed", "timers", "ready", "running", "known"]) {
    await rig.rig.store.fold()
    assert.deepEqual(rig.rig.store.state.buckets(`tasks/t@${scope}`, 0), [], scope)
  }
})

test("a cron enqueues at its times, and makes up for those that were missed as it says", async () => {
  for (const [catchUp, expected] of [
    ["none", 0],
    ["one", 1],
    ["all", 5],
  ] as const) {
    const rig = await TaskRig.open(task("t", { run, cron: { expression: "*/10 * * * *", input: { report: true }, catchUp } }))
    await rig.pass(600_000)
    assert.deepEqual(rig.page().runs.map(({ input, trigger, enqueuedAt }) => [input, trigger, enqueuedAt]), [['{"report":true}', "cron", 600_000]])
    // Nothing ran for 55 minutes.
    rig.rig.now += 55 * 60_000
    await rig.pass(0)
    assert.equal(rig.page().runs.length - 1, expected, catchUp)
    // Each run says for which of the times it is, to its code too.
    const times = [600_000, 1_200_000, 1_800_000, 2_400_000, 3_000_000, 3_600_000].slice(0, 1 + expected)
    if (catchUp === "one") times[1] = 3_600_000
    assert.deepEqual(rig.page().runs.map(({ scheduledAt }) => scheduledAt).toReversed(), times, catchUp)
    assert.deepEqual(times.map((_, i) => rig.callOf(rig.page().runs.at(-1 - i)?.number ?? -1).runs[0]?.scheduledAt), times, catchUp)
  }
})

test("each record of a flow becomes one run, or a dead letter", async () => {
  const orders = stream<{ id: string; amount: unknown }>("orders", { key: ({ id }) => id, partitions: 2 })
  const charge = task("charge", { input: z.object({ amount: z.number() }), key: ({ amount }) => `of ${amount}`, run: (input) => input })
  const rig = await Rig.open(service("shop", [orders.map(({ amount }) => ({ amount: amount as number })).to(charge)]))
  rig.produce("orders", [{ id: "a", amount: 1 }, { id: "b", amount: "two" }, { id: "c", amount: 3 }])
  await rig.settle([2])
  for (const seat of rig.seats) await rig.restart(seat)
  await rig.settle()
  const seat = rig.seat("shop/charge.commands")
  const { runs } = seat.machine.ask("charge", { kind: "runs", search: { limit: 10 } }) as RunPage
  assert.deepEqual(runs.map(({ input, key, trigger, status }) => [input, key, trigger, status]).toReversed(), [
    ['{"amount":1}', "of 1", "record", "running"],
    ['{"amount":3}', "of 3", "record", "running"],
  ])
  const [dead, ...others] = await rig.deadLetters("orders")
  assert.deepEqual([dead?.error.code, others], ["MR1023", []])
})

test("an event that matches starts a run", async () => {
  const events = stream<{ kind: string; card: string }>("events", { key: ({ card }) => card })
  const freeze = task("freeze", { input: z.object({ card: z.string() }), run: (input) => input })
  const rig = await Rig.open(service("bank", [freeze.on(events, { match: ({ kind }) => kind === "stolen", input: ({ card }) => ({ card }) })]))
  rig.produce("events", [{ kind: "paid", card: "1" }, { kind: "stolen", card: "2" }])
  await rig.settle()
  const { runs } = rig.seat("bank/freeze.commands").machine.ask("freeze", { kind: "runs", search: { limit: 10 } }) as RunPage
  assert.deepEqual(runs.map(({ input }) => input), ['{"card":"2"}'])
})

test("each fault of a value is named with its path", () => {
  const schema = z.object({ a: z.number(), b: z.object({ c: z.string() }) })
  for (const code of ["MR1023", "MR1206"] as const) {
    assert.throws(
      () => fitting({ a: "1", b: {} }, schema, code, "it"),
      (error: MillraceError) => {
        const paths = (error.details["faults"] as readonly { readonly path: string }[]).map(({ path }) => path)
        return error.code === code && paths.join() === "a,b.c"
      },
    )
  }
})

test("large values are given up with what had them: a run whose retention is over, a repeat, an attempt that does not count", async () => {
  const stored = (name: string): string => textOf({ name, bytes: 2_000_000 })
  const rig = await TaskRig.open(task("t", { run, retention: "1h" }))
  const number = await rig.tell(["enqueue", stored("input"), { idempotencyKey: "once" }])
  await rig.tell(["enqueue", stored("repeat"), { idempotencyKey: "once" }])
  assert.deepEqual(rig.forgotten.splice(0), [stored("repeat")])
  const [call] = rig.calls.values()
  rig.complete([{ kind: "succeeded", number, lease: (call?.lease ?? 0) + 1, output: stored("late") }])
  assert.deepEqual(rig.forgotten.splice(0), [stored("late")])
  rig.finish(number, { kind: "succeeded", output: stored("output") })
  assert.deepEqual([rig.page().runs[0]?.output, rig.forgotten], [shownOf({ name: "output", bytes: 2_000_000 }), []])
  await rig.pass(3_600_000)
  assert.deepEqual(rig.forgotten, [stored("input"), stored("output")])
})

test("a long input is written once, and is there for each attempt, for who looks and who searches", async () => {
  const rig = await TaskRig.open(task("t", { run, retry: 2, retention: "1h" }))
  await rig.tell(["pause"])
  const text = `${"x".repeat(20_000)}needle`
  const number = await rig.enqueue(text)
  const short = await rig.enqueue("short")
  await rig.tell(["resume"])
  await rig.restart()
  const input = JSON.stringify(text)
  assert.equal(rig.callOf(number).runs[0]?.input, input)
  rig.finish(number, { kind: "failed", error: oops })
  rig.finish(short, { kind: "succeeded", output: "1" })
  await rig.pass(60_000)
  assert.equal(rig.callOf(number).runs[0]?.input, input)
  rig.finish(number, { kind: "succeeded", output: "1" })
  assert.equal(rig.run(number).input, input)
  assert.equal(rig.run(short).input, '"short"')
  assert.deepEqual(rig.page({ q: "needle" }).runs.map((found) => [found.number, found.input]), [[number, input]])
  assert.ok(rig.stateBytes < 1.5 * input.length, `${rig.stateBytes} bytes were written`)
  // It goes with its run.
  await rig.rig.store.fold()
  assert.deepEqual([...rig.rig.store.state.buckets("tasks/t@inputs", 0)], [0])
  await rig.pass(2 * 3_600_000)
  assert.ok(!rig.knows(number))
  await rig.rig.store.fold()
  assert.deepEqual([...rig.rig.store.state.buckets("tasks/t@inputs", 0)], [])
})

test("of a debounced run the newest input counts, however long it and those before are", async () => {
  const long = (letter: string): string => letter.repeat(5_000)
  for (const inputs of [["a", long("b")], [long("a"), "b"], [long("a"), long("b")]]) {
    const rig = await TaskRig.open(task("t", { run, debounce: { wait: "1s" } }))
    for (const input of inputs) {
      await rig.enqueue(input)
      await rig.pass(10)
    }
    await rig.restart()
    await rig.pass(1_000)
    const called = rig.running.map((number) => rig.callOf(number).runs[0]?.input)
    assert.deepEqual(called, [JSON.stringify(inputs.at(-1))])
  }
})

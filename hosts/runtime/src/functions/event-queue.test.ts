// Invocations that nobody waits for, on a real store, before functions that a test writes, on a clock that a test moves.
import assert from "node:assert/strict"
import path from "node:path"
import { type TestContext, test } from "node:test"
import { setImmediate as turn } from "node:timers/promises"
import { ManualClock } from "@millrace/conformance"
import type { Store } from "@millrace/engine"
import { BlockCursor, type EventInvokePlan, type FailedEvent, type FunctionPlan, MillraceError, type SucceededEvent } from "@millrace/model"
import fc from "fast-check"
import { scratch } from "../../test/bench.ts"
import { Commits } from "../commits.ts"
import { openDiskStore } from "../compose.ts"
import { EventQueue } from "./event-queue.ts"
import type { Invocation, InvokeOptions } from "./invocation.ts"

const failure = { errorType: "RangeError", errorMessage: "out of it", trace: ["RangeError: out of it", "    at there"] }

/** What a function comes to: an outcome, or nothing yet. */
type Answer = "done" | "failed" | "throttled" | "never" | "gone"

class Bench {
  readonly clock = new ManualClock(Date.UTC(2026, 0, 1))
  /** Payloads as they were invoked. */
  readonly called: string[] = []
  readonly options: InvokeOptions[] = []
  /** What each payload came to, in order. */
  readonly outcomes: (readonly [payload: string, answer: Answer])[] = []
  readonly said: string[] = []
  readonly objects: Map<string, string> = new Map()
  readonly messages: string[] = []
  /** Group and id of each. */
  readonly messageFacts: (readonly [group: string, id: string])[] = []
  /** What the function answers, JSON text. */
  answer = "1"
  refusals = 0
  /** Outcomes of the next invocations; then all are done. */
  answers: Answer[] = []
  plan: FunctionPlan | undefined
  readonly #dir: string
  #store: Store | undefined
  #queue: EventQueue | undefined
  commits: Commits | undefined

  constructor(t: TestContext) {
    this.#dir = scratch(t)
    t.after(async () => {
      this.#queue?.halt()
      await this.#store?.close()
    })
  }

  get queue(): EventQueue {
    if (this.#queue === undefined) throw new Error("the bench is not open")
    return this.#queue
  }

  get store(): Store {
    if (this.#store === undefined) throw new Error("the bench is not open")
    return this.#store
  }

  async open(eventInvoke?: Partial<EventInvokePlan>, concurrency: number | null = null): Promise<void> {
    const store = await openDiskStore({ dir: path.join(this.#dir, "data"), now: () => this.clock.now(), onLost: () => undefined, syncMs: Number.POSITIVE_INFINITY, segmentBytes: 1_000_000 })
    const commits = new Commits(store, { onAppended: () => undefined, onDurable: () => undefined, onRefused: () => undefined })
    const all = { maximumRetryAttempts: 2, maximumEventAgeMs: 21_600_000, onFailure: null, ...eventInvoke }
    const source = { kind: "module", file: "ship.ts", handler: "handler" } as const
    this.plan = { name: "ship", source, timeoutMs: 3_000, memoryMegabytes: 128, env: {}, concurrency, ...(eventInvoke === undefined ? {} : { eventInvoke: all }) }
    this.#store = store
    this.commits = commits
    const say = (_: object, sentence: string): void => void this.said.push(sentence)
    this.#queue = new EventQueue({
      store,
      commits,
      invoker: { find: (name) => (name === "ship" ? this.plan : undefined), invoke: (_, payload, options = {}) => this.#invoke(payload, options) },
      clock: this.clock,
      log: { info: say, warn: say, error: say },
      region: "eu-west-1",
      openMessages: async () => ({
        send: async (text, { group, id }) => {
          if (this.refusals-- > 0) throw new MillraceError("MR1501", "no queue")
          this.messages.push(text)
          this.messageFacts.push([group, id])
        },
        close: async () => undefined,
      }),
      openPlace: async () => ({
        put: async (name, bytes) => {
          if (this.refusals-- > 0) throw new MillraceError("MR1501", "no room")
          this.objects.set(name, Buffer.from(bytes).toString())
        },
        get: async (name) => {
          const text = this.objects.get(name)
          return text === undefined ? undefined : Buffer.from(text)
        },
        remove: async (name) => void this.objects.delete(name),
        list: (prefix) => ReadableStream.from([...this.objects.keys()].filter((name) => name.startsWith(prefix)).toSorted()),
        close: async () => undefined,
      }),
      stream: () => undefined,
    })
    this.#queue.open()
    await this.rest()
  }

  /** Closes all and opens it again: as a node that stops does, or as one that was killed finds it. */
  async restart(cleanly: boolean, eventInvoke?: Partial<EventInvokePlan>): Promise<void> {
    if (cleanly) {
      const stopped = this.queue.stop()
      // What is under way is waited for, but not for ever.
      this.clock.step(5_000)
      await stopped
    } else this.queue.halt()
    await this.store.close({ fold: cleanly })
    await this.open(eventInvoke)
  }

  async add(payload: string, requestId: string = payload): Promise<void> {
    await this.queue.add("ship", payload, { requestId })
    await this.rest()
  }

  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; ) {
      left -= this.clock.step(left)
      await this.rest()
    }
  }

  async rest(): Promise<void> {
    for (let i = 0; i < 12; i++) {
      await turn()
      await this.commits?.allDurable()
    }
  }

  /** What the destination's stream holds. */
  async failed(): Promise<FailedEvent[]> {
    const found: FailedEvent[] = []
    for (const { block, count } of await this.store.read("failed", 0, 0, 10_000_000)) {
      const cursor = new BlockCursor(block)
      for (let i = 0; i < count && cursor.next(); i++) found.push(JSON.parse(Buffer.from(cursor.value).toString()) as FailedEvent)
    }
    return found
  }

  async #invoke(payload: string, options: InvokeOptions): Promise<Invocation> {
    this.called.push(payload)
    this.options.push(options)
    const answer = this.answers.shift() ?? "done"
    this.outcomes.push([payload, answer])
    const requestId = options.requestId ?? ""
    if (answer === "gone") throw new MillraceError("MR1031", "gone")
    if (answer === "never") return new Promise((_, reject) => options.signal?.addEventListener("abort", () => reject(options.signal?.reason as Error)))
    if (answer === "throttled") return { kind: "throttled", reason: "concurrency" }
    if (answer === "failed") return { kind: "failed", requestId, error: failure, functionError: "Unhandled", ms: 1 }
    return { kind: "returned", requestId, payload: this.answer, ms: 1 }
  }
}

test("an event is called again one and two minutes after it failed, and then given up", async (t) => {
  const bench = new Bench(t)
  await bench.open()
  bench.answers = ["failed", "failed", "failed"]
  await bench.add("1")
  assert.equal(bench.called.length, 1)
  await bench.advance(59_999)
  assert.equal(bench.called.length, 1)
  await bench.advance(1)
  assert.equal(bench.called.length, 2)
  await bench.advance(119_999)
  assert.equal(bench.called.length, 2)
  await bench.advance(1)
  assert.deepEqual(bench.called, ["1", "1", "1"])
  assert.deepEqual(bench.said, ["an event is given up, and no destination is told"])
  await bench.advance(1_000_000)
  assert.deepEqual([bench.called.length, bench.queue.isIdle], [3, true])
  assert.deepEqual(bench.options.map(({ requestId }) => requestId), ["1", "1", "1"])
})

test("an event that was confirmed survives the node, and is invoked until it is done", async (t) => {
  const bench = new Bench(t)
  await bench.open()
  for (const cleanly of [true, false]) {
    bench.answers = ["never", "never"]
    await bench.add("1")
    await bench.add("2")
    await bench.restart(cleanly)
    assert.deepEqual(bench.called.splice(0), ["1", "2", "1", "2"])
    assert.equal(bench.queue.isIdle, true)
    await bench.restart(cleanly)
    assert.deepEqual(bench.called, [])
  }
})

test("failures that were counted stay counted when the node is killed", async (t) => {
  const bench = new Bench(t)
  await bench.open()
  bench.answers = Array.from({ length: 20 }, () => "failed" as const)
  await bench.add("1")
  for (let i = 0; i < 4; i++) {
    await bench.advance(10_000)
    await bench.restart(i % 2 === 0)
  }
  // A restart tries at once what waited; the failures of before count.
  assert.equal(bench.called.length, 3)
  assert.equal(bench.queue.isIdle, true)
})

test("maximumRetryAttempts 0 gives an event up after its first failure", async (t) => {
  const bench = new Bench(t)
  await bench.open({ maximumRetryAttempts: 0 })
  bench.answers = ["failed"]
  await bench.add("1")
  assert.deepEqual([bench.called.length, bench.queue.isIdle], [1, true])
})

test("throttles are tried again after a second, two, four, five, count for nothing, and end when the event is too old", async (t) => {
  const bench = new Bench(t)
  await bench.open({ maximumRetryAttempts: 0, maximumEventAgeMs: 60_000, onFailure: { kind: "stream", stream: "failed" } })
  bench.answers = Array.from({ length: 1_000 }, () => "throttled" as const)
  await bench.add("1")
  const seen = [bench.called.length]
  for (let i = 0; i < 7; i++) {
    await bench.advance(1_000)
    seen.push(bench.called.length)
  }
  assert.deepEqual(seen, [1, 2, 2, 3, 3, 3, 3, 4])
  await bench.advance(60_000)
  assert.equal(bench.queue.isIdle, true)
  const [told, ...more] = await bench.failed()
  assert.deepEqual([told?.requestContext.condition, told?.requestContext.approximateInvokeCount, told?.responseContext, more], ["EventAgeExceeded", 0, undefined, []])
})

test("an event whose next attempt would come too late is given up by its age, with its last failure", async (t) => {
  const bench = new Bench(t)
  await bench.open({ maximumEventAgeMs: 120_000, onFailure: { kind: "stream", stream: "failed" } })
  bench.answers = ["failed", "failed"]
  await bench.add("1")
  await bench.advance(60_000)
  const [told] = await bench.failed()
  assert.deepEqual([told?.requestContext.condition, told?.requestContext.approximateInvokeCount, told?.responsePayload], ["EventAgeExceeded", 2, failure])
})

test("a stream gets Lambda's record of an event that was given up, once", async (t) => {
  const bench = new Bench(t)
  await bench.open({ maximumRetryAttempts: 0, onFailure: { kind: "stream", stream: "failed" } })
  bench.answers = ["failed"]
  await bench.add('{"n":1, "of": [1.50]}', "request-1")
  await bench.restart(false, { onFailure: { kind: "stream", stream: "failed" } })
  assert.deepEqual(await bench.failed(), [
    {
      version: "1.0",
      timestamp: "2026-01-01T00:00:00.000Z",
      requestContext: {
        requestId: "request-1",
        functionArn: "arn:aws:lambda:eu-west-1:000000000000:function:ship:$LATEST",
        condition: "RetriesExhausted",
        approximateInvokeCount: 1,
      },
      requestPayload: { n: 1, of: [1.5] },
      responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
      responsePayload: failure,
    },
  ])
})

test("S3 gets the record of an event under Lambda's name, the same one after a crash, and is asked until it takes it", async (t) => {
  const bench = new Bench(t)
  const settings = { maximumRetryAttempts: 0, onFailure: { kind: "s3", to: "s3://failed" } } as const
  await bench.open(settings)
  bench.answers = ["failed"]
  bench.refusals = 2
  await bench.add("[1]", "request-1")
  await bench.restart(false, settings)
  assert.deepEqual([bench.called.length, bench.objects.size], [1, 0])
  await bench.advance(1_000)
  const [[name = "", text = ""] = []] = bench.objects
  assert.match(name, /^aws\/lambda\/async\/ship\/2026\/01\/01\/2026-01-01T00\.00\.00-[0-9a-f]{8}-[0-9a-f]{4}-3[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.deepEqual((JSON.parse(text) as FailedEvent).requestPayload, [1])
  assert.equal(bench.queue.isIdle, true)
})

test("a queue or a topic is told all of an event that was given up, unless it is larger than a message may be", async (t) => {
  const bench = new Bench(t)
  await bench.open({ maximumRetryAttempts: 0, onFailure: { kind: "sns", to: "arn:aws:sns:eu-west-1:123456789012:failed" } })
  bench.answers = ["failed", "failed"]
  await bench.add("[1]", "request-1")
  await bench.add(JSON.stringify("x".repeat(262_144)), "request-2")
  assert.deepEqual(bench.messages.map((text) => (JSON.parse(text) as FailedEvent).requestPayload), [[1]])
  assert.equal(bench.queue.isIdle, true)
  assert.equal(bench.said.at(-1), "what is to be told of an event is larger than its destination takes, and is not told there")
})

test("a stream gets Lambda's record of an event that was done, with the answer, once", async (t) => {
  const bench = new Bench(t)
  const both = { maximumRetryAttempts: 1, onFailure: { kind: "stream", stream: "failed" }, onSuccess: { kind: "stream", stream: "failed" } } as const
  await bench.open(both)
  bench.answer = '{"shipped":true}'
  bench.answers = ["failed", "done", "failed", "failed"]
  await bench.add('{"order":1}', "request-1")
  await bench.advance(60_000)
  await bench.add('{"order":2}', "request-2")
  await bench.advance(60_000)
  await bench.restart(false, both)
  const [done, failed, ...more] = (await bench.failed()) as unknown as SucceededEvent[]
  assert.deepEqual(done, {
    version: "1.0",
    timestamp: "2026-01-01T00:01:00.000Z",
    requestContext: { requestId: "request-1", functionArn: "arn:aws:lambda:eu-west-1:000000000000:function:ship:$LATEST", condition: "Success", approximateInvokeCount: 2 },
    requestPayload: { order: 1 },
    responseContext: { statusCode: 200, executedVersion: "$LATEST" },
    responsePayload: { shipped: true },
  })
  assert.deepEqual([failed?.requestContext.requestId, more, bench.called.length, bench.queue.isIdle], ["request-2", [], 4, true])
  // Even where both lie in one stream: what was done is not redriven.
  assert.equal(await bench.queue.redrive("ship", new AbortController().signal), 1)
})

test("a queue is told of what was done until it takes it, by the next start too, and the function is not called again for that", async (t) => {
  const bench = new Bench(t)
  const onSuccess = { onSuccess: { kind: "sqs", to: "arn:aws:sqs:eu-west-1:123456789012:done.fifo" } } as const
  await bench.open(onSuccess, 1)
  bench.refusals = 3
  await bench.add("1", "request-1")
  await bench.add("2", "request-2")
  // The second one waits for its turn: no more answers are held than invocations may be under way.
  assert.deepEqual([bench.called, bench.messages], [["1"], []])
  for (const cleanly of [true, false]) await bench.restart(cleanly, onSuccess)
  await bench.advance(10_000)
  assert.deepEqual(bench.called.toSorted(), ["1", "2"])
  const told = bench.messages.map((text) => (JSON.parse(text) as SucceededEvent).requestContext.requestId)
  assert.deepEqual([told.toSorted(), bench.queue.isIdle], [["request-1", "request-2"], true])
  assert.deepEqual([bench.messageFacts.map(([group]) => group), new Set(bench.messageFacts.map(([, id]) => id)).size], [["ship", "ship"], 2])
  bench.answer = JSON.stringify("x".repeat(1_048_576))
  await bench.add("3", "request-3")
  assert.deepEqual([bench.messages.length, bench.queue.isIdle], [2, true])
  assert.equal(bench.said.at(-1), "what is to be told of an event is larger than its destination takes, and is not told there")
})

test("an event whose function was taken away waits for it, until it is too old", async (t) => {
  const bench = new Bench(t)
  await bench.open()
  const { plan } = bench
  bench.answers = ["throttled"]
  await bench.add("1")
  bench.plan = undefined
  bench.queue.open()
  await bench.advance(3_600_000)
  assert.deepEqual([bench.called.length, bench.queue.size], [1, 1])
  bench.plan = plan
  bench.queue.open()
  await bench.rest()
  assert.deepEqual([bench.called.length, bench.queue.size], [2, 0])
  bench.answers = ["gone"]
  await bench.add("2")
  bench.plan = undefined
  bench.queue.open()
  await bench.advance(21_600_000)
  assert.deepEqual([bench.queue.size, bench.said], [0, ["an event is given up, and no destination is told"]])
})

test("no more events of a function are under way than it may have instances", async (t) => {
  const bench = new Bench(t)
  await bench.open({}, 2)
  bench.answers = ["never", "never"]
  for (const n of ["1", "2", "3", "4"]) await bench.add(n)
  assert.deepEqual(bench.called, ["1", "2"])
})

test("more events than there is room for are refused (MR1010), as are those of no function (MR1031)", async (t) => {
  const bench = new Bench(t)
  await bench.open()
  bench.answers = Array.from({ length: 200 }, () => "never" as const)
  const large = "1".repeat(1_048_576)
  const taken = await Promise.allSettled(Array.from({ length: 130 }, (_, i) => bench.queue.add("ship", large, { requestId: String(i) })))
  assert.equal(taken.filter(({ status }) => status === "fulfilled").length, 128)
  await assert.rejects(bench.queue.add("ship", large, { requestId: "x" }), { code: "MR1010" })
  await assert.rejects(bench.queue.add("none", "1", { requestId: "x" }), { code: "MR1031" })
})

test("what the disk refused was not confirmed and is not invoked; what is durable goes on", async (t) => {
  const bench = new Bench(t)
  await bench.open()
  bench.answers = ["failed"]
  await bench.add("1")
  const { commits } = bench
  const append = commits?.append.bind(commits)
  if (commits === undefined || append === undefined) throw new Error("not open")
  commits.append = () => {
    bench.queue.halt()
    throw new MillraceError("MR1303", "full")
  }
  await assert.rejects(bench.queue.add("ship", "2", { requestId: "2" }), { code: "MR1303" })
  await assert.rejects(bench.queue.add("ship", "3", { requestId: "3" }), { code: "MR1401" })
  await bench.advance(600_000)
  assert.deepEqual(bench.called, ["1"])
  commits.append = append
  await commits.settled()
  bench.queue.resume()
  await bench.rest()
  assert.deepEqual([bench.called, bench.queue.isIdle], [["1", "1"], true])
})

for (const onFailure of [{ kind: "stream", stream: "failed" }, { kind: "s3", to: "s3://failed" }] as const) {
  test(`events that were given up to ${onFailure.kind} go back to the queue, once`, async (t) => {
    const bench = new Bench(t)
    await bench.open({ maximumRetryAttempts: 0, onFailure })
    bench.answers = ["failed", "failed", "done", "failed"]
    for (const n of ["1", "2", "3"]) await bench.add(n)
    const { signal } = new AbortController()
    bench.objects.set("aws/lambda/async/ship/2026/01/01/other", "{}")
    assert.equal(await bench.queue.redrive("ship", signal), 2)
    await bench.rest()
    assert.deepEqual(bench.called.slice(3).toSorted((a, b) => Number(a) - Number(b)), ["1", "2"])
    await bench.restart(false, { maximumRetryAttempts: 0, onFailure })
    // One of them has failed again, and was told of again.
    assert.equal(await bench.queue.redrive("ship", signal), 1)
    await bench.rest()
    await bench.restart(true, { maximumRetryAttempts: 0, onFailure })
    assert.equal(await bench.queue.redrive("ship", signal), 0)
    assert.deepEqual([bench.called.length, bench.queue.isIdle], [6, true])
  })
}

test("events that are kept nowhere are not redriven (MR1009)", async (t) => {
  const bench = new Bench(t)
  await bench.open({ onFailure: { kind: "sqs", to: "arn:aws:sqs:eu-west-1:123456789012:failed" } })
  const { signal } = new AbortController()
  await assert.rejects(bench.queue.redrive("ship", signal), { code: "MR1009" })
  await assert.rejects(bench.queue.redrive("none", signal), { code: "MR1009" })
})

test("whatever functions answer and however often the node ends, each event is done, or given up after three failures and told once", async (t) => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("add" as const), answers: fc.array(fc.constantFrom<Answer>("failed", "throttled", "done"), { maxLength: 4 }) }),
    fc.record({ kind: fc.constant("advance" as const), ms: fc.constantFrom(1_000, 59_000, 61_000, 130_000) }),
    fc.record({ kind: fc.constantFrom("stop" as const, "kill" as const) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const bench = new Bench(t)
      const settings = { onFailure: { kind: "stream", stream: "failed" } } as const
      await bench.open(settings)
      let added = 0
      for (const each of steps) {
        if (each.kind === "add") {
          bench.answers.push(...each.answers)
          await bench.add(String(added++))
        } else if (each.kind === "advance") await bench.advance(each.ms)
        else await bench.restart(each.kind === "stop", settings)
      }
      await bench.advance(3_600_000)
      assert.equal(bench.queue.isIdle, true)
      const told = (await bench.failed()).map(({ requestPayload }) => String(requestPayload))
      assert.equal(new Set(told).size, told.length, "told twice")
      for (let n = 0; n < added; n++) {
        const failures = bench.outcomes.filter(([payload, answer]) => payload === String(n) && answer === "failed").length
        const done = bench.outcomes.filter(([payload, answer]) => payload === String(n) && answer === "done").length
        assert.equal(done + (told.includes(String(n)) ? 1 : 0), 1, `event ${n} was done ${done} times`)
        assert.ok(failures <= 3, `event ${n} failed ${failures} times`)
        if (told.includes(String(n))) assert.equal(failures, 3)
      }
    }),
    { numRuns: 40 },
  )
})

/**
 * What users hold in a test: a whole service at work in this process, on the production engine, with the clock in the
 * test's hand. Every call that makes something happen is awaited and returns when all that follows from it has happened;
 * every call that looks answers at once.
 *
 * Not for: how it works (works.ts), what can be seen of it (outcome.ts); speed, threads, disks (the node's own tests).
 */
import { fileURLToPath } from "node:url"
import { type TaskCommand, isTerminal, isoInstant } from "@millrace/engine"
import { type Duration, type EnqueueOptions, type ErrorData, MillraceError, type TraceFields, assertOptionNames, checkEnqueueOptions, durationMs, enqueueInParts, errorData, errorFrom, jsonOf, traceOf } from "@millrace/model"
import { type EventTime, type Keying, type Service, type Stream, type Task, isService } from "@millrace/sdk"
import { Catalogue } from "./catalogue.ts"
import type { TestHandler } from "./functions/calls.ts"
import { TestFunctions } from "./functions/test-functions.ts"
import { plainOrder, randomOrder } from "./order.ts"
import { Outcome } from "./outcome.ts"
import { Turns } from "./turns.ts"
import { Works } from "./works.ts"

/** What a test may choose. */
export interface TestOptions {
  /**
   * Where the clock begins. It is the event time of records of streams that define none, and records too far ahead of
   * it are refused.
   *
   * @default 2030-01-01T00:00Z, so that a test gives the same on any day
   */
  readonly now?: EventTime
  /**
   * Any whole number: input is cut into random batches and stages take turns at random, the same each time for the same
   * seed. What a service gives should not depend on it.
   *
   * @default each stage in turn takes all of its input at once
   */
  readonly seed?: number
  /**
   * Whether the service works until nothing is left to do whenever something is sent or the clock moves.
   *
   * @default true; with false, call `settle` or `step`
   */
  readonly settles?: boolean
  /**
   * How long, outside of the test's clock, code is waited for that a timer, a server or a thread may still wake up. Code that has not ended by
   * then stays under way, for the clock to time it out; code that nothing can wake up any more is not waited for at all.
   *
   * @default "1s"
   */
  readonly patience?: Duration
  /** Handlers of functions, by the functions' names. @default each is loaded from its own file */
  readonly handlers?: Readonly<Record<string, TestHandler>>
  /** The service's module, beside which files of handlers lie: a path, or `import.meta.resolve("./service.ts")`. @default none: their files are absolute */
  readonly file?: string
}

/** A record that was refused, as a front door tells its sender. */
export interface Refused {
  /** Its place among the records that were sent. */
  readonly index: number
  /** Why: a code such as MR1002, a sentence, and details. */
  readonly problem: ErrorData
}

/** What became of records that were offered. */
export interface Offered {
  readonly accepted: number
  readonly refused: readonly Refused[]
}

const known: Readonly<Record<keyof TestOptions, true>> = { now: true, seed: true, settles: true, patience: true, handlers: true, file: true }

/** Where the clock begins. */
const begin = Date.UTC(2030, 0)

/**
 * Starts a service in this process, for a test; or several that read each other's streams. Nothing needs to be closed.
 *
 * @throws MR1101 for an option that is not valid, MR1102 when services share a name or disagree
 * about a stream, MR1103 when two write one
 * @example
 * ```ts
 * const test = await testService(fraud)
 * await test.send(payments, [{ card: "4711", amount: 12, at: "2026-11-21T10:00:00Z" }])
 * await test.end(payments)
 * assert.equal(test.values(velocity)[0]?.n, 1)
 * ```
 */
export async function testService(app: Service | readonly Service[], options: TestOptions = {}): Promise<TestService> {
  assertOptionNames(options, Object.keys(known), "testService", "{ seed: 1 }")
  const { now = begin, seed, settles = true, patience = "1s", handlers = {}, file } = options
  if (seed !== undefined && !Number.isSafeInteger(seed)) {
    throw new MillraceError("MR1101", `testService, seed: ${String(seed)} is not a whole number.`, { given: seed })
  }
  for (const each of [app].flat() as readonly unknown[]) {
    if (isService(each)) continue
    const shown = typeof each === "object" ? "an object that is none" : typeof each
    throw new MillraceError("MR1101", `testService: expected a service, from service("name", [ … ]), or a list of them, not ${shown}.`)
  }
  const order = seed === undefined ? plainOrder : randomOrder(seed)
  const sources = { handlers, file: file?.startsWith("file:") === true ? fileURLToPath(file) : file }
  const works = await Works.open(new Catalogue([app].flat()), instant(now, "testService, now"), order, durationMs(patience, "testService, patience"), sources)
  return new TestService(works, settles)
}

/** A service under test, from {@link testService}. */
export class TestService extends Outcome {
  /** Its functions: to be called by name and over HTTP, and what they were called with. */
  readonly functions: TestFunctions
  readonly #works: Works
  readonly #settles: boolean
  readonly #turns: Turns

  constructor(works: Works, settles: boolean) {
    const turns = new Turns()
    super(works, turns)
    this.#works = works
    this.#settles = settles
    this.#turns = turns
    this.functions = new TestFunctions(works.feeds, turns, () => works.settle())
  }

  /** The clock. */
  get now(): Date {
    return new Date(this.#works.now)
  }

  /** How many transactions there have been. */
  get transactions(): number {
    return this.#works.transactions
  }

  /**
   * Sends records to a source, as a producer does: each is checked by the schema and given its key, event time and
   * partition.
   *
   * @param trace - W3C Trace Context of each record that brings none of its own, as of the request that sends them
   * @throws the first refusal's code, such as MR1002, when a record is refused; see {@link offer} for tests of refusals
   * @throws MR1008 for a stream that is not the service's, MR1016 for one that the service writes itself
   * @example `await test.send(payments, [{ card: "4711", amount: 12, at: "2026-11-21T10:00:00Z" }])`
   */
  async send<In>(to: Stream<In, unknown, Keying>, records: NoInfer<Sent<In>>, trace: TraceFields = {}): Promise<void> {
    const { refused, accepted } = await this.offer(to, records, trace)
    const [first] = refused
    if (first === undefined) return
    const { code, message, details } = first.problem
    const others = refused.length > 1 ? `, and ${refused.length - 1} more were refused` : ""
    const hint =
      code === "MR1005" ? ` The clock of this test stands at ${this.now.toISOString()}: see testService(app, { now }).` : ""
    throw new MillraceError(
      code,
      `record ${first.index} of ${accepted + refused.length} was refused: ${message}${hint}${others}`,
      details,
    )
  }

  /**
   * Sends records as {@link send} does and returns what became of them: refused ones among them are the test's matter.
   *
   * @throws MR1008 for a stream that is not the service's, MR1016 for one that the service writes itself
   * @example
   * ```ts
   * const { refused } = await test.offer(payments, [{ card: "", amount: 12 }])
   * assert.equal(refused[0]?.problem.code, "MR1003")
   * ```
   */
  async offer<In>(to: Stream<In, unknown, Keying>, records: NoInfer<Sent<In>>, trace: TraceFields = {}): Promise<Offered> {
    const stream = this.#works.catalogue.source(to.name)
    const list: readonly unknown[] = Array.isArray(records) ? records : [records]
    const lines = list.map((record, index) => jsonLine(record, stream.name, index))
    return this.#turns.take(async () => {
      const refused = await this.#works.send(stream, lines, this.#settles, traceOf(trace.traceparent, trace.tracestate))
      await this.#mayWork()
      return { accepted: lines.length - refused.length, refused }
    })
  }

  /**
   * Ends a source, or all sources: no more records come, so every window closes and every event-time timer runs. What is sent to it
   * afterwards is refused (MR1033), as by a node.
   *
   * @throws MR1008 for a stream that is not the service's, MR1016 for one that the service writes itself
   */
  async end(source?: Stream<never, unknown, Keying>): Promise<void> {
    const { streams } = this.#works.catalogue
    const sources = source === undefined ? streams.filter(({ role }) => role === "source") : [this.#works.catalogue.source(source.name)]
    await this.#turns.take(async () => {
      for (const stream of sources) this.#works.mark(stream, Number.POSITIVE_INFINITY)
      await this.#mayWork()
    })
  }

  /**
   * Lets event time pass in every partition of a source, without a record: its watermark is at least this far from here on.
   * Records with earlier times are late.
   *
   * @throws MR1008 for a stream that is not the service's, MR1016 for one that the service writes itself
   * @example `await test.watermarkTo(payments, "2026-11-21T11:00:00Z") // closes the windows before eleven`
   */
  async watermarkTo(source: Stream<never, unknown, Keying>, to: EventTime): Promise<void> {
    const stream = this.#works.catalogue.source(source.name)
    const watermark = instant(to, "watermarkTo")
    await this.#turns.take(async () => {
      this.#works.mark(stream, watermark)
      await this.#mayWork()
    })
  }

  /**
   * Moves the clock on. What is due on the way happens at its time and in its order: processing-time timers, partitions
   * found idle, files that are full by age. Event time does not move by it.
   *
   * @throws MR1101 when it is no duration
   * @example `await test.advance("5m")`
   */
  async advance(by: Duration): Promise<void> {
    await this.#turns.take(() => this.#works.advance(this.#works.now + durationMs(by, "advance"), this.#settles))
  }

  /**
   * Moves the clock on to a time, as {@link advance} does.
   *
   * @throws MR1101 when that is before now: a clock does not go back
   */
  async advanceTo(time: EventTime): Promise<void> {
    const to = instant(time, "advanceTo")
    await this.#turns.take(async () => {
      if (to < this.#works.now) {
        const message = `advanceTo: ${new Date(to).toISOString()} is before now, ${this.now.toISOString()}; a clock does not go back.`
        throw new MillraceError("MR1101", message, { to, now: this.#works.now })
      }
      await this.#works.advance(to, this.#settles)
    })
  }

  /** Lets all stages work until none has input: only needed with `settles: false`. */
  async settle(): Promise<void> {
    await this.#turns.take(() => this.#works.settle())
  }

  /** One transaction of one stage and partition; false when none has input. Only needed with `settles: false`. */
  async step(): Promise<boolean> {
    return this.#turns.take(() => this.#works.step())
  }

  /** The process dies and starts again: all that is not committed is lost, and everything resumes from what is. */
  async crash(): Promise<void> {
    await this.#turns.take(() => this.#works.crash())
  }

  /**
   * Crashes after so many transactions from now, wherever that is: between two stages, before what a record leads to.
   *
   * @throws MR1101 when it is not a whole number above 0
   */
  crashAfter(transactions: number): void {
    if (!Number.isSafeInteger(transactions) || transactions < 1) {
      const message = `crashAfter: ${String(transactions)} is not a whole number above 0; crash() crashes at once.`
      throw new MillraceError("MR1101", message, { given: transactions })
    }
    this.#works.crashAfter(transactions)
  }

  /**
   * Enqueues a run of a task for each input, and lets the service work; returns their ids.
   *
   * @param trace - W3C Trace Context of whoever enqueues them: the runs are part of it
   * @throws MR1023 when an input does not fit, MR1022 for a task that is not the service's, MR1101 for an option that there is not,
   * MR1011 for an idempotency key that came with another input before
   * @example `const [id] = await test.enqueue(freeze, [{ card: "4711", reason: "stolen" }])`
   */
  async enqueue<In>(task: Task<In, unknown>, inputs: readonly NoInfer<In>[], options: EnqueueOptions = {}, trace: TraceFields = {}): Promise<readonly string[]> {
    const tasked = this.#works.catalogue.task(task.name)
    checkEnqueueOptions(task.name, options)
    if (inputs.length === 0) return []
    return this.#turns.take(async () => {
      const texts = inputs.map((input) => jsonInput(input, task.name))
      const ids = await enqueueInParts(task.name, texts, options.idempotencyKey, (part, key) =>
        this.#works.enqueue(tasked, part, key === undefined ? options : { ...options, idempotencyKey: key }, trace),
      )
      await this.#mayWork()
      return ids
    })
  }

  /**
   * Enqueues a run, lets the service work, and gives the run's output. The clock moves on as far as the run waits for it: for its
   * delay, and from one attempt to the next. To look at a run on its way, use `enqueue` and `run(id)`.
   *
   * @param trace - W3C Trace Context of whoever calls it: the run is part of it
   * @throws the error of a run that has failed, after its last attempt; MR1208 for one that nothing brings to its end: it is paused, or waits for a
   * call from outside
   * @example `assert.deepEqual(await test.call(freeze, { card: "4711", reason: "stolen" }), { frozen: true })`
   */
  async call<In, Out>(task: Task<In, Out>, input: NoInfer<In>, options: EnqueueOptions = {}, trace: TraceFields = {}): Promise<Out> {
    const [id = ""] = await this.enqueue(task, [input], options, trace)
    if (this.#settles) await this.#turns.take(() => this.#works.pass(id))
    const { status, output, error } = this.run(id)
    if (status === "succeeded") return output as Out
    if (error !== undefined && isTerminal(status)) throw errorFrom(error)
    const pending = `Run ${id} is ${status}, and nothing that is due brings it to its end: is its task paused, or does its code wait for something outside?`
    throw new MillraceError("MR1208", pending, { run: id, status })
  }

  /** Cancels a run. @throws MR1024 when there is none */
  async cancel(id: string): Promise<void> {
    await this.#command(id, (number) => ["cancel", number])
  }

  /** Begins a run again that failed, expired or was cancelled. @throws MR1024 when there is none */
  async retry(id: string): Promise<void> {
    await this.#command(id, (number) => ["retry", number])
  }

  /** Starts no more runs of a task. */
  async pause(task: Task<never, unknown>): Promise<void> {
    await this.#tell(task.name, ["pause"])
  }

  /** Starts runs of a paused task again. */
  async resume(task: Task<never, unknown>): Promise<void> {
    await this.#tell(task.name, ["resume"])
  }

  /**
   * From now on these attempts at each run of a task fail before their code runs.
   *
   * @param attempts - numbers from 1
   * @example `test.failAttempts(freeze, [1, 2], new Error("the bank is closed"))`
   */
  failAttempts(task: Task<never, unknown>, attempts: readonly number[], error: Error = new Error("made by the test")): void {
    const { code, message, details } = errorData(error)
    this.#works.calls.fail({ task: task.name, attempts: new Set(attempts), error: { code: code === "MR1404" ? "MR1201" : code, message, details } })
  }

  async #command(id: string, command: (number: number) => TaskCommand): Promise<void> {
    const { task, number } = this.#works.run(id)
    await this.#tell(task, command(number))
  }

  async #tell(task: string, command: TaskCommand): Promise<void> {
    const tasked = this.#works.catalogue.task(task)
    await this.#turns.take(async () => {
      this.#works.tell(tasked, command)
      await this.#mayWork()
    })
  }

  async #mayWork(): Promise<void> {
    if (this.#settles) await this.#works.settle()
  }
}

/** What `send` takes: one record or a list; records that are themselves lists come in a list. */
export type Sent<In> = readonly In[] | (In extends readonly unknown[] ? never : In)

function instant(given: EventTime, what: string): number {
  const ms = given instanceof Date ? given.getTime() : typeof given === "string" ? isoInstant(given) : given
  if (Math.abs(ms) <= 8.64e15) return ms
  const shown = typeof given === "string" ? JSON.stringify(given) : String(given)
  throw new MillraceError("MR1101", `${what}: ${shown} is no time; give a Date, milliseconds since 1970 or an ISO 8601 text.`, { given })
}

function jsonInput(input: unknown, task: string): string {
  const form = jsonOf(input)
  if ("json" in form) return form.json
  throw new MillraceError("MR1023", `task "${task}", input: ${form.fault}.`)
}

function jsonLine(record: unknown, stream: string, index: number): string {
  const text = JSON.stringify(record) as string | undefined
  if (text !== undefined) return text
  throw new MillraceError("MR1001", `stream "${stream}": record ${index} has no JSON form (${typeof record}).`, { index })
}

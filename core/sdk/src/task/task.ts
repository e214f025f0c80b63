/**
 * Tasks: typed functions that run in the background, with retries, limits and schedules. A task is a plain value: it runs in
 * services that contain it.
 */
import {
  type Duration,
  type EnqueueOptions,
  enqueueInParts,
  errorFrom,
  jsonOf,
  limits,
  MillraceError,
  type SchemaInput,
  type SchemaOutput,
  type StandardSchema,
  type TaskContext,
  checkEnqueueOptions,
} from "@millrace/model"
import type { StreamDefinition, TaskDefinition } from "../definition.ts"
import { Flow, type Keying } from "../flow/flow.ts"
import type { FromJson } from "../json-types.ts"
import type { MadeBy, ResultOf, TakenBy } from "../schema-values.ts"
import { checkedMs, checkedName, checkedWhole, checkFunction, checkKeys, checkSchema } from "../setting.ts"
import type { Outlet, Target, TaskType } from "../target.ts"
import { type RunResult, taskCaller } from "./caller.ts"
import { finalOf, retryAfterMs } from "./errors.ts"
import { type RunHandle, runHandle } from "./run-handle.ts"
import {
  checkPriority,
  concurrencyPlan,
  cronPlans,
  debouncePlan,
  memoryPlan,
  ratePlan,
  retryPlan,
  settingNames,
  type TaskSettings,
} from "./options.ts"

/** A task: its schemas, its code, and how its runs are started. */
export interface TaskOptions<S extends StandardSchema | undefined, O extends StandardSchema | undefined, R extends TakenBy<O>, I = unknown>
  extends TaskSettings<MadeBy<S, I>, NoInfer<TakenBy<S, I>>> {
  /**
   * Any Standard Schema that is not asynchronous: each input is checked against it before it is taken. Without one any JSON is taken; its type is
   * then what `run` says that it takes, `run: (order: Order) => …`, which the compiler alone checks.
   *
   * @default any JSON
   */
  readonly input?: S
  /**
   * Any Standard Schema, asynchronous ones too: the code gives what it takes; what it makes of that is kept, published and given to callers, so
   * it makes JSON. An output that does not fit it fails the run for good.
   *
   * @default any JSON
   */
  readonly output?: O
  readonly batch?: undefined
  /** The code. It may run more than once for a run, when an attempt fails or its machine dies. */
  run(input: MadeBy<S, I>, ctx: TaskContext): R | Promise<R>
}

/** A task whose code takes many inputs at once. */
export interface BatchTaskOptions<S extends StandardSchema | undefined, O extends StandardSchema | undefined, R extends TakenBy<O>, I = unknown>
  extends TaskSettings<MadeBy<S, I>, NoInfer<TakenBy<S, I>>> {
  readonly input?: S
  readonly output?: O
  /** As many inputs as `size` (2 to 10,000) in one call, or those that there are `wait` after the first. */
  readonly batch: { readonly size: number; readonly wait: Duration }
  /** Gives a result for each input, in their order; an Error in a place fails that run alone. */
  run(inputs: ReadonlyArray<MadeBy<S, I>>, ctx: TaskContext): ReadonlyArray<R | Error> | Promise<ReadonlyArray<R | Error>>
}

/** Inputs and outputs are JSON, so an input's schema takes JSON, and an output's gives it. */
export interface JsonSchemas<S extends StandardSchema | undefined, O extends StandardSchema | undefined> {
  readonly input?: S extends StandardSchema ? FromJson<SchemaInput<S>> : unknown
  readonly output?: O extends StandardSchema ? FromJson<SchemaOutput<O>> : unknown
}

/** Which values of a flow start a run, and with what. */
export interface TaskTrigger<T, In> {
  /** @default every value */
  readonly match?: (value: T) => boolean
  /** The input of the run. */
  readonly input: (value: T) => In
}

/** A task: takes inputs of type `In`, gives outputs of type `Out`. */
export class Task<In, Out, Name extends string = string> implements Target<In, Out, TaskType<Name, In, Out>> {
  readonly "~target": TaskDefinition
  declare readonly "~accepts"?: ((value: In) => void) | undefined
  declare readonly "~gives"?: Out | undefined
  declare readonly "~task"?: TaskType<Name, In, Out> | undefined
  readonly name: Name
  /**
   * The outputs of its runs, as they succeed. Their event time is when they did, by the clock, whatever that of the record that started the
   * run; they have no key until `keyBy` gives them one.
   */
  readonly output: Flow<Out, "unkeyed">

  constructor(definition: TaskDefinition) {
    this["~target"] = definition
    this.name = definition.name as Name
    this.output = new Flow<Out, "unkeyed">({ definition: definition.output, port: "out" })
  }

  /**
   * Enqueues a run and waits for its output, in a process in which a node runs, or from the code of another task.
   *
   * @throws MR1023 for an input that does not fit, MR1101 for an option that there is not, and as {@link RunHandle.result}
   */
  async call(input: In, options: EnqueueOptions = {}): Promise<Out> {
    checkEnqueueOptions(this.name, options)
    const { result } = await taskCaller(this.name).call(this.name, this.#text(input), options)
    return this.#output(result)
  }

  /** Enqueues a run; resolves once that is durable. @throws MR1023 for an input that does not fit */
  async send(input: In, options: EnqueueOptions = {}): Promise<RunHandle<Out>> {
    const [handle] = await this.sendMany([input], options)
    return handle as RunHandle<Out>
  }

  /**
   * Enqueues a run for each input, all or none of up to 50,000 that are less than 4 MiB of JSON together. More are enqueued in parts of that, one
   * after the other; one that fails ends it, and its error says what is enqueued.
   *
   * @throws MR1023 when one of them does not fit; with `details.enqueued` and `details.ids` when parts before it were enqueued
   */
  async sendMany(inputs: readonly In[], options: EnqueueOptions = {}): Promise<ReadonlyArray<RunHandle<Out>>> {
    checkEnqueueOptions(this.name, options)
    const caller = taskCaller(this.name)
    if (inputs.length === 0) return []
    const texts = inputs.map((input) => this.#text(input))
    const ids = await enqueueInParts(this.name, texts, options.idempotencyKey, (part, key) =>
      caller.send(this.name, part, key === undefined ? options : { ...options, idempotencyKey: key }),
    )
    return ids.map((id) => runHandle(caller, id, (result) => this.#output(result)))
  }

  /**
   * Starts a run for each value of a flow that matches: an event, such as records of a stream that others write.
   *
   * @returns an outlet, to be given to `service(name, […])`
   * @example
   * ```ts
   * freeze.on(cardEvents, { match: ({ kind }) => kind === "stolen", input: ({ card }) => ({ card, reason: "stolen" }) })
   * ```
   */
  on<T>(event: Flow<T, Keying>, trigger: TaskTrigger<T, In>): Outlet<Out, TaskType<Name, In, Out>> {
    checkKeys(trigger, ["match", "input"], `task ${JSON.stringify(this.name)}, on`)
    const { match, input } = trigger
    checkFunction(match, `task ${JSON.stringify(this.name)}, on, match`, "optional")
    checkFunction(input, `task ${JSON.stringify(this.name)}, on, input`)
    const matching = match === undefined ? event : event.filter((value) => match(value))
    return matching.map((value) => input(value)).to(this) as Outlet<Out, TaskType<Name, In, Out>>
  }

  #text(input: In): string {
    const form = jsonOf(input)
    if ("json" in form) return form.json
    throw new MillraceError("MR1023", `task "${this.name}", input: ${form.fault}.`)
  }

  #output({ status, output, error }: RunResult): Out {
    if (status !== "succeeded") throw errorFrom(error ?? { code: "MR1201", message: `task "${this.name}": the run has ${status}.`, details: {} })
    // What the schema of the output made is what was kept.
    return (output === undefined ? null : JSON.parse(output)) as Out
  }
}

/**
 * Defines a task.
 *
 * @param name - unique within the node; letters, digits, ".", "_" and "-", at most 128
 * @throws MR1101 when a setting is not valid
 * @example
 * ```ts
 * const freeze = task("freeze-card", {
 *   description: "Freeze a card and tell its owner",
 *   input: z.object({ card: z.string(), reason: z.string() }),
 *   output: z.object({ frozenAt: z.string() }),
 *   retry: { attempts: 5, backoff: { first: "1s", factor: 2, most: "1m" } },
 *   async run({ card, reason }, ctx) {
 *     const { at } = await bank.freeze(card, reason, { signal: ctx.signal })
 *     return { frozenAt: at }
 *   },
 * })
 * ```
 */
export function task<Name extends string, S extends StandardSchema | undefined = undefined, O extends StandardSchema | undefined = undefined, R extends TakenBy<O> = TakenBy<O>, I = unknown>(
  name: Name,
  options: TaskOptions<S, O, R, I> & JsonSchemas<S, O>,
): Task<TakenBy<S, I>, ResultOf<O, R>, Name>
export function task<Name extends string, S extends StandardSchema | undefined = undefined, O extends StandardSchema | undefined = undefined, R extends TakenBy<O> = TakenBy<O>, I = unknown>(
  name: Name,
  options: BatchTaskOptions<S, O, R, I> & JsonSchemas<S, O>,
): Task<TakenBy<S, I>, ResultOf<O, R>, Name>
export function task(
  name: string,
  options: TaskOptions<undefined, undefined, unknown> | BatchTaskOptions<undefined, undefined, unknown>,
): Task<unknown, unknown> {
  checkedName(name, "task")
  const what = `task ${JSON.stringify(name)}`
  checkKeys(options, ["input", "output", "batch", "run", ...settingNames], what)
  const { input, output, batch, key, priority, timeout, retry, description, ttl } = options
  checkSchema(input, `${what}, input`, "at once")
  checkSchema(output, `${what}, output`, "in time")
  checkFunction(options.run, `${what}, run`)
  checkFunction(key, `${what}, key`, "optional")
  checkPriority(priority, `${what}, priority`)
  const keyed = key !== undefined
  const timeouts = typeof timeout === "object" ? timeout : timeout === undefined ? {} : { attempt: timeout }
  checkKeys(timeouts, ["attempt", "run"], `${what}, timeout`)
  const timeoutMs = optionalMs(timeouts.attempt, `${what}, timeout`)
  const runTimeoutMs = optionalMs((timeouts as { readonly run?: Duration }).run, `${what}, timeout, run`)
  if (timeoutMs !== null && runTimeoutMs !== null && timeoutMs > runTimeoutMs) {
    const mend = "make attempt shorter, or run longer"
    throw new MillraceError("MR1101", `${what}, timeout: an attempt of ${timeoutMs} ms would last longer than its run may, ${runTimeoutMs} ms; ${mend}.`, { given: timeout })
  }
  const [concurrency, concurrencyPerKey] = concurrencyPlan(options.concurrency, keyed, `${what}, concurrency`)
  const memoryMegabytes = memoryPlan(options.memory, `${what}, memory`)
  if (batch !== undefined) checkKeys(batch, ["size", "wait"], `${what}, batch`)
  if (options.throttle !== undefined && options.debounce !== undefined) {
    throw new MillraceError("MR1101", `${what}: throttle and debounce exclude each other; throttle keeps the first input, debounce the last.`)
  }
  const settings = Object.freeze({
    name,
    ...(description === undefined ? {} : { description }),
    retry: Object.freeze(retryPlan(retry, `${what}, retry`)),
    timeoutMs,
    runTimeoutMs,
    ttlMs: optionalMs(ttl, `${what}, ttl`),
    delayMs: checkedMs(options.delay ?? 0, `${what}, delay`),
    concurrency,
    concurrencyPerKey,
    rate: ratePlan(options.rateLimit, keyed, `${what}, rateLimit`),
    throttleMs: optionalMs(options.throttle, `${what}, throttle`),
    debounce: debouncePlan(options.debounce, `${what}, debounce`),
    batch:
      batch === undefined
        ? null
        : Object.freeze({
            size: checkedWhole(batch.size, 2, limits.callsMax, `${what}, batch, size`),
            waitMs: checkedMs(batch.wait, `${what}, batch, wait`),
          }),
    idempotencyMs: checkedMs(options.idempotency ?? "1d", `${what}, idempotency`, 1),
    retentionMs: checkedMs(options.retention ?? "7d", `${what}, retention`),
    isolate: options.isolate === true || memoryMegabytes !== null,
    memoryMegabytes,
    crons: Object.freeze(cronPlans(options.cron, { input, key, priority }, what)),
    plainInputs: input === undefined && key === undefined && priority === undefined,
  })
  const code = Object.freeze({
    input,
    output,
    key,
    priority: typeof priority === "number" ? () => priority : priority,
    final: finalOf(retry),
    afterMs: retryAfterMs,
    run: options.run.bind(options),
  })
  const definition: TaskDefinition = Object.freeze({ kind: "task", name, settings, code, output: outputStream(name, description, () => definition) })
  return new Task(definition)
}

/** Outputs of task `x` are in the stream `x.output`, as its schema made them: it is not asked again. */
function outputStream(name: string, description: string | undefined, of: () => TaskDefinition): StreamDefinition {
  return Object.freeze({
    kind: "stream",
    name: `${name}.output`,
    partitions: 8,
    outOfOrderMs: 0,
    aheadMs: 86_400_000,
    retentionMs: 86_400_000,
    idleMs: 30_000,
    description: description === undefined ? undefined : `Outputs: ${description}`,
    code: Object.freeze({ schema: undefined, key: undefined, time: undefined }),
    task: of,
  })
}

function optionalMs(given: Duration | undefined, what: string): number | null {
  return given === undefined ? null : checkedMs(given, what, 1)
}


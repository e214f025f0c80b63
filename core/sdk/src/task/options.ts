/** What a task may be told, and the checks of it. */
import {
  type ByteSize,
  type CronPlan,
  type Duration,
  jsonOf,
  limits,
  MillraceError,
  priorityMost,
  type RatePlan,
  type RetryPlan,
  type StandardSchema,
  sizeBytes,
} from "@millrace/model"
import { checkedMs, checkedWhole, checkKeys } from "../setting.ts"

/** A class of errors, such as `TypeError`. */
export type ErrorClass = abstract new (...args: never) => Error

/** How failed attempts are repeated. */
export interface RetryOptions {
  /** Attempts in all, 1 to 1,000. @default 3 */
  readonly attempts?: number
  /** The waits between attempts: `first`, then `factor` times the one before, at most `most`; spread by `jitter` between half and whole. */
  readonly backoff?: {
    /** @default "1s" */
    readonly first?: Duration
    /** @default 2 */
    readonly factor?: number
    /** @default "1m" */
    readonly most?: Duration
    /** @default true */
    readonly jitter?: boolean
  }
  /** Only errors of these classes are repeated, and a `RetryAfter`, which says so itself. @default all */
  readonly only?: readonly ErrorClass[]
  /** Errors of these classes end the run at once, as a `NonRetryableError` does. @default none */
  readonly never?: readonly ErrorClass[]
}

/** How often runs start: a token bucket. Runs beyond it wait. */
export interface RateLimitOptions {
  /** So many starts … */
  readonly limit: number
  /** … in this time. */
  readonly per: Duration
  /** At most so many at once. @default `limit` */
  readonly burst?: number
  /** Whether all runs share the limit or each key has its own. @default "key" when the task has a key, else "task" */
  readonly by?: "task" | "key"
}

/** When a task starts by itself. */
export interface CronOptions<Input> {
  /** Five fields (minute, hour, day of month, month, day of week), or six with seconds first. */
  readonly expression: string
  /** An IANA time zone. @default "UTC" */
  readonly timeZone?: string
  /** What becomes of times that passed while no node ran: none of them, one run for all, or each. @default "one" */
  readonly catchUp?: "none" | "one" | "all"
  readonly input: Input
}

/** What a task may be told besides its schemas and code. */
export interface TaskSettings<Parsed, Sent> {
  /** A sentence for people: shown in OpenAPI and on the dashboard. */
  readonly description?: string
  /** The key of a run: 1 to 256 characters. Limits may be by key, and outputs of one key keep their order. */
  readonly key?: (input: Parsed) => string
  /** A whole number from -100 to 100: higher starts first. @default 0 */
  readonly priority?: number | ((input: Parsed) => number)
  /** Attempts, or more than that. @default 3 attempts */
  readonly retry?: number | RetryOptions
  /** Longest time of one attempt, or of an attempt and of the whole run from when it may start, waits between attempts included. @default no limit */
  readonly timeout?: Duration | { readonly attempt?: Duration; readonly run?: Duration }
  /** A run expires that has not started this long after it might: after its delay, and anew when it begins again. @default never */
  readonly ttl?: Duration
  /** Starts no earlier than this after it was enqueued. @default "0s" */
  readonly delay?: Duration
  /** Most calls at once; also by key. @default 100, and no limit by key */
  readonly concurrency?: number | { readonly limit?: number; readonly perKey?: number }
  readonly rateLimit?: RateLimitOptions
  /** After a run was enqueued, further inputs of its key become that same run for this long. */
  readonly throttle?: Duration
  /** A run waits until no input of its key has come for this long (at most `most`, by default ten times that); the newest input counts. */
  readonly debounce?: Duration | { readonly wait: Duration; readonly most?: Duration }
  /** How long a repeat with the same idempotency key gets the same run. @default "1d" */
  readonly idempotency?: Duration
  /** How long ended runs are kept. @default "7d" */
  readonly retention?: Duration
  /** Runs in worker threads of its own, apart from other tasks. @default false */
  readonly isolate?: boolean
  /** Heap of such a worker; implies `isolate`. @default as workers have */
  readonly memory?: ByteSize
  readonly cron?: CronOptions<Sent> | ReadonlyArray<CronOptions<Sent>>
}

export const settingNames = [
  "description",
  "key",
  "priority",
  "retry",
  "timeout",
  "ttl",
  "delay",
  "concurrency",
  "rateLimit",
  "throttle",
  "debounce",
  "idempotency",
  "retention",
  "isolate",
  "memory",
  "cron",
] as const

export function retryPlan(given: number | RetryOptions | undefined, what: string): RetryPlan {
  const options = typeof given === "number" ? { attempts: given } : (given ?? {})
  checkKeys(options, ["attempts", "backoff", "only", "never"], what)
  checkErrorClasses(options.only, `${what}, only`)
  checkErrorClasses(options.never, `${what}, never`)
  const backoff = options.backoff ?? {}
  checkKeys(backoff, ["first", "factor", "most", "jitter"], `${what}, backoff`)
  const { factor = 2 } = backoff
  if (!(Number.isFinite(factor) && factor >= 1 && factor <= 100)) {
    throw new MillraceError("MR1101", `${what}, backoff, factor: ${JSON.stringify(factor)} is not a number from 1 to 100.`, { given: factor })
  }
  const firstMs = checkedMs(backoff.first ?? "1s", `${what}, backoff, first`)
  return {
    attempts: checkedWhole(options.attempts ?? 3, 1, 1_000, `${what}, attempts`),
    firstMs,
    factor,
    mostMs: checkedMs(backoff.most ?? Math.max(firstMs, 60_000), `${what}, backoff, most`, firstMs),
    jitter: backoff.jitter ?? true,
  }
}

/** @throws MR1101 unless it is a list of classes: what `instanceof` takes; undefined: none is given */
function checkErrorClasses(given: unknown, what: string): void {
  if (given === undefined) return
  if (!Array.isArray(given)) throw new MillraceError("MR1101", `${what}: expected a list of classes of errors, such as [TypeError].`, { given })
  for (const [i, each] of given.entries()) {
    if (typeof each === "function" && typeof (each as { readonly prototype?: unknown }).prototype === "object") continue
    const shown = each === undefined ? "undefined (does its module import this one, in a circle?)" : ((JSON.stringify(each) as string | undefined) ?? typeof each)
    throw new MillraceError("MR1101", `${what}, ${i}: expected a class of errors, such as TypeError, not ${shown}.`)
  }
}

export function ratePlan(given: RateLimitOptions | undefined, keyed: boolean, what: string): RatePlan | null {
  if (given === undefined) return null
  checkKeys(given, ["limit", "per", "burst", "by"], what)
  const limit = checkedWhole(given.limit, 1, 1_000_000, `${what}, limit`)
  const by = given.by ?? (keyed ? "key" : "task")
  if (by === "key" && !keyed) throw new MillraceError("MR1101", `${what}: a limit by key needs a key; give the task key: (input) => ….`)
  return {
    limit,
    perMs: checkedMs(given.per, `${what}, per`, 1),
    burst: checkedWhole(given.burst ?? limit, 1, 1_000_000, `${what}, burst`),
    by,
  }
}

export function concurrencyPlan(given: TaskSettings<never, unknown>["concurrency"], keyed: boolean, what: string): readonly [number, number | null] {
  const options = typeof given === "number" ? { limit: given } : (given ?? {})
  checkKeys(options, ["limit", "perKey"], what)
  const { perKey } = options as { readonly perKey?: number }
  if (perKey !== undefined && !keyed) {
    throw new MillraceError("MR1101", `${what}, perKey: a limit by key needs a key; give the task key: (input) => ….`)
  }
  return [
    checkedWhole((options as { readonly limit?: number }).limit ?? 100, 1, limits.callsMax, `${what}, limit`),
    perKey === undefined ? null : checkedWhole(perKey, 1, limits.callsMax, `${what}, perKey`),
  ]
}

export function debouncePlan(given: TaskSettings<never, unknown>["debounce"], what: string): { readonly waitMs: number; readonly mostMs: number } | null {
  if (given === undefined) return null
  const options = typeof given === "object" ? given : { wait: given }
  checkKeys(options, ["wait", "most"], what)
  const waitMs = checkedMs(options.wait, `${what}, wait`, 1)
  const most = (options as { readonly most?: Duration }).most ?? waitMs * 10
  return { waitMs, mostMs: checkedMs(most, `${what}, most`, waitMs) }
}

/** What is asked of an input before it is enqueued. */
export interface InputCode {
  readonly input: StandardSchema | undefined
  readonly key: ((input: never) => string) | undefined
  readonly priority: number | ((input: never) => number) | undefined
}

export function cronPlans(given: CronOptions<unknown> | ReadonlyArray<CronOptions<unknown>> | undefined, code: InputCode, what: string): readonly CronPlan[] {
  if (given === undefined) return []
  const all = (Array.isArray(given) ? given : [given]) as ReadonlyArray<CronOptions<unknown>>
  return all.map((cron, i) => {
    const place = all.length === 1 ? `${what}, cron` : `${what}, cron ${i}`
    checkKeys(cron, ["expression", "timeZone", "catchUp", "input"], place)
    const { expression, timeZone = "UTC", catchUp = "one", input } = cron
    if (typeof expression !== "string" || expression.trim().split(/\s+/).length < 5) {
      throw new MillraceError("MR1101", `${place}: ${JSON.stringify(expression)} is not a cron expression such as "0 7 * * 1-5".`, { given: expression })
    }
    if (!knowsTimeZone(timeZone)) {
      throw new MillraceError("MR1101", `${place}: ${JSON.stringify(timeZone)} is not a time zone such as "Europe/Berlin".`, { given: timeZone })
    }
    if (!["none", "one", "all"].includes(catchUp)) {
      throw new MillraceError("MR1101", `${place}, catchUp: ${JSON.stringify(catchUp)} is not one of "none", "one", "all".`, { given: catchUp })
    }
    if (input === undefined) throw new MillraceError("MR1101", `${place}, input: a task that starts by itself needs an input, such as {}.`)
    const form = jsonOf(input)
    if ("fault" in form) throw new MillraceError("MR1101", `${place}, input: ${form.fault}.`)
    return { expression: expression.trim(), timeZone, catchUp, input: form.json, ...cronFacts(JSON.parse(form.json), code, `${place}, input`) }
  })
}

/** Key and priority of the input that a cron gives; a cron whose every run would fail is refused here. */
function cronFacts(given: unknown, { input: schema, key, priority }: InputCode, what: string): Pick<CronPlan, "key" | "priority"> {
  const result = schema?.["~standard"].validate(given)
  if (result instanceof Promise) {
    result.catch(() => undefined)
    throw new MillraceError("MR1101", `${what}: the schema of the task's input is asynchronous; check in its code what has to wait.`)
  }
  if (result?.issues !== undefined) {
    const faults = result.issues.map(({ path = [], message }) => ({
      path: path.map((part) => String(typeof part === "object" ? part.key : part)).join("."),
      message,
    }))
    const listed = faults.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ")
    throw new MillraceError("MR1101", `${what}: the task's schema refuses it: ${listed || "no reason given"}`, { given, faults })
  }
  const value = (result === undefined ? given : result.value) as never
  const ownKey = key?.(value)
  if (ownKey !== undefined && (typeof ownKey !== "string" || ownKey.length > limits.keyLengthMax)) {
    throw new MillraceError("MR1101", `${what}: the task's key of it is no text of at most ${limits.keyLengthMax} characters.`, { given: ownKey })
  }
  const own = typeof priority === "function" ? priority(value) : priority
  checkPriority(own, `${what}, priority`)
  return { ...(ownKey === undefined || ownKey === "" ? {} : { key: ownKey }), ...(own === undefined || own === 0 ? {} : { priority: own }) }
}

export function memoryPlan(given: ByteSize | undefined, what: string): number | null {
  if (given === undefined) return null
  const megabytes = Math.ceil(sizeBytes(given, what) / 1024 ** 2)
  return checkedWhole(megabytes, 16, limits.workerHeapMegabytesMax, `${what} in MB`)
}

export function checkPriority(given: unknown, what: string): void {
  if (typeof given === "function" || given === undefined) return
  checkedWhole(given, -priorityMost, priorityMost, what)
}

function knowsTimeZone(timeZone: unknown): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: timeZone as string })
    return typeof timeZone === "string"
  } catch {
    return false
  }
}

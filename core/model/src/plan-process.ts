/** Custom operators in the plan: what they keep besides their state, their side outputs, and the context of their code. */

/** A thing that a process keeps by key, each of its parts stored by itself. */
export interface KeepPlan {
  readonly name: string
  readonly kind: "value" | "list" | "map" | "counter" | "reducing"
  /** A part that has not been written (or, with `refresh: "read"`, looked at) for this long is gone; null: it stays. */
  readonly ttlMs: number | null
  readonly ttlBy: "event" | "processing"
  readonly refresh: "write" | "read"
}

export interface ProcessShape {
  readonly kind: "process"
  readonly keeps?: readonly KeepPlan[]
  readonly sides?: readonly string[]
}

export interface ProcessCode {
  readonly kind: "process"
  readonly state: () => unknown
  readonly onRecord: (value: never, ctx: ProcessContext<never, never, never>) => Iterable<unknown> | undefined | void
  readonly onTimer?: (ctx: ProcessContext<never, never, never>) => Iterable<unknown> | undefined | void
  readonly onClockTimer?: (ctx: ProcessContext<never, never, never>) => Iterable<unknown> | undefined | void
  /** How two values of a `reducing` keep become one, by name. */
  readonly reducers?: Readonly<Record<string, (before: never, value: never) => unknown>>
}

/** A single value. */
export interface KeptValue<V> {
  get(): V | undefined
  set(value: V): void
  clear(): void
}

/** Values in the order in which they were pushed. */
export interface KeptList<V> extends Iterable<V> {
  push(value: V): void
  readonly length: number
  clear(): void
}

/** Values by a text or number of their own. */
export interface KeptMap<K extends string | number, V> {
  get(key: K): V | undefined
  has(key: K): boolean
  set(key: K, value: V): void
  delete(key: K): void
  /** In the order of the stored keys, which is always the same and of no meaning. */
  entries(): Iterable<readonly [key: K, value: V]>
  clear(): void
}

/** A number that counts; 0 at first. */
export interface KeptCounter {
  add(by?: number): number
  readonly value: number
  clear(): void
}

/** Values made one as they come. */
export interface KeptReduced<V> {
  add(value: V): V
  get(): V | undefined
  clear(): void
}

/** What a `process` operator may do for the key of the record or timer in hand. */
export interface ProcessContext<State, Keeps = object, Sides = object> {
  /** The key's state: as `state()` gave it at first; change it in place or assign anew. */
  state: State
  /** What is kept besides, by the names given in `keeps`; of the key in hand. */
  readonly keeps: Keeps
  readonly key: string
  /** Event time of the record, or the time of the timer, in ms. */
  readonly time: number
  /**
   * The watermark, in ms: as the record was looked at, its own time counted; in a timer, what has been reached, which is
   * the timer's time or, of a timer set in the past, later.
   */
  readonly watermark: number
  /** The clock, in ms. It is not the same when a record is processed again after a crash: do not make results of it. */
  readonly now: number
  /** Gives a value to one of the side outputs named in `sides`. */
  side<Name extends keyof Sides>(name: Name, value: Sides[Name]): void
  /**
   * Calls `onTimer` once the watermark has reached `at` (ms); for a time in the past, when the watermark next moves.
   * Setting the same time again changes nothing.
   */
  setTimer(at: number): void
  /** Takes back a timer. */
  clearTimer(at: number): void
  /** Calls `onClockTimer` once the clock has reached `at` (ms). Setting the same time again changes nothing. */
  setClockTimer(at: number): void
  /** Takes back a timer by the clock. */
  clearClockTimer(at: number): void
  /** Forgets the key's state, what it keeps, and its timers; state looked at afterwards is as `state()` gives it. */
  clear(): void
}

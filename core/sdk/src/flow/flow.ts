/**
 * Flows: typed values on their way through a service. Every operator makes a new flow and changes nothing; nothing runs
 * until a service that contains it is started. Functions given to operators are synchronous and see one record at a
 * time; they must depend on nothing but their arguments, so that a record processed again gives the same result.
 */
import {
  type CallContext,
  type Duration,
  type JoinContext,
  type JoinType,
  MillraceError,
  type OperatorCode,
  type ProcessContext,
  type RecordContext,
  type WindowBounds,
} from "@millrace/model"
import { type Aggregates, type AggregatesOf, checkAggregates } from "../aggregates/record.ts"
import type { Definition, Origin, StatelessDefinition } from "../definition.ts"
import type { GlobalWindow } from "../global.ts"
import type { SessionWindow } from "../session.ts"
import { checkedName, checkFunction } from "../setting.ts"
import type { SlidingWindow } from "../sliding.ts"
import type { Outlet, Target } from "../target.ts"
import { type AsyncOptions, mapAsyncDefinition } from "./async.ts"
import { Connected } from "./connected.ts"
import type { HandlesOf, Keep, Side, SidesOf } from "./keep.ts"
import { joinDefinition, type JoinOptions, type LateOf, type LeftOf, type RightOf } from "./join.ts"
import { type Looked, lookupDefinition, type LookupOptions } from "./lookup.ts"
import { type MatchWith, Pattern, PatternStart } from "./pattern.ts"
import { checkProcess, processDefinition, type ProcessParts } from "./process.ts"
import { type Branches, branchPort, type Split, splitCode } from "./split.ts"
import {
  type DistinctOptions,
  deduplicateMade,
  type DeduplicateOptions,
  distinctMade,
  reduceMade,
  stateful,
  type TableOptions,
  tableMade,
  type TopOptions,
  topMade,
} from "./table-options.ts"
import { asOfDefinition, type AsOfOptions, broadcastDefinition, enrichDefinition, type EnrichOptions } from "./table-join.ts"
import { running, type RunningResult, Table, tableOf } from "./table.ts"
import { type FixedWindow, type KnownOptions, type MergingWindow, type PanesOf, type TimeOptions, type TimedWindow, type Windowed, windowOf, type WindowOptions, type WindowShape } from "./windowed.ts"

/** Whether the records of a flow have a key, which stateful operators need. */
export type Keying = "keyed" | "unkeyed"

/** A custom operator with state by key: see {@link Flow.process}. */
export interface ProcessOptions<T, State, OnRecord, OnTimer, Keeps, Sides> extends ProcessParts<State, OnTimer, Keeps, Sides> {
  /** Called for each record; what it yields or returns goes on under the same key and event time. */
  onRecord(value: T, ctx: ProcessContext<State, HandlesOf<Keeps>, SidesOf<Sides>>): Iterable<OnRecord> | undefined | void
}

/** A flow of values of type `T`. */
export class Flow<T, K extends Keying> {
  /** Never there: makes the compiler tell keyed flows from unkeyed ones. */
  declare readonly "~keying": K
  readonly "~origin": Origin

  constructor(from: Origin) {
    this["~origin"] = Object.freeze(from)
  }

  /**
   * Turns each value into another; key and event time stay.
   *
   * @example `flights.map((f) => ({ ...f, hours: f.delay / 60 }))`
   */
  map<U>(fn: (value: T, at: RecordContext) => U): Flow<U, K> {
    checkFunction(fn, "map")
    return flowAfter(this["~origin"], { kind: "map", fn })
  }

  /**
   * Keeps the values for which `fn` answers true. A type guard narrows the type.
   *
   * @example `flights.filter((f) => f.delay > 15)`
   */
  filter<U extends T>(fn: (value: T, at: RecordContext) => value is U): Flow<U, K>
  filter(fn: (value: T, at: RecordContext) => boolean): Flow<T, K>
  filter(fn: (value: T, at: RecordContext) => boolean): Flow<T, K> {
    checkFunction(fn, "filter")
    return flowAfter(this["~origin"], { kind: "filter", fn })
  }

  /**
   * Turns each value into any number of others: what `fn` returns or yields. Key and event time stay.
   *
   * @example `orders.flatMap((order) => order.lines)`
   */
  flatMap<U>(fn: (value: T, at: RecordContext) => Iterable<U>): Flow<U, K> {
    checkFunction(fn, "flatMap")
    return flowAfter(this["~origin"], { kind: "flatMap", fn })
  }

  /**
   * Looks at each value and passes it on: for logging and counting. It may see a record again after a crash.
   *
   * @example `flights.peek((f, at) => console.log(at.key, f.delay))`
   */
  peek(fn: (value: T, at: RecordContext) => void): Flow<T, K> {
    checkFunction(fn, "peek")
    return flowAfter(this["~origin"], { kind: "peek", fn })
  }

  /**
   * Sends each value one of several ways: to the branch of the first test that it passes, in the order in which they are written, or to
   * `rest`. A type guard narrows the type of its branch.
   *
   * @throws MR1101 for a test that is none, and for a branch named `rest`
   * @example `const { large, abroad, rest } = orders.split({ large: (o) => o.total > 1000, abroad: (o) => o.country !== "DE" })`
   */
  split<const B extends Branches<T>>(branches: B): Split<T, B, K> {
    const code = splitCode(branches)
    const definition: Definition = Object.freeze({ kind: "split", from: this["~origin"], code })
    const flows = Object.keys(branches).map((name) => [name, new Flow({ definition, port: branchPort(name) })] as const)
    return Object.freeze({ ...Object.fromEntries(flows), rest: new Flow({ definition, port: "out" }) }) as unknown as Split<T, B, K>
  }

  /**
   * Gives each value another key: 1 to 256 characters. Before the next stateful operator, records move to the partition
   * of their new key through an internal stream.
   *
   * @example `flights.keyBy((f) => f.destination)`
   */
  keyBy(fn: (value: T) => string): Flow<T, "keyed"> {
    checkFunction(fn, "keyBy")
    return flowAfter(this["~origin"], { kind: "rekey", fn })
  }

  // The first, so that functions of triggers know `T`: what has been tried with other shapes has no types any more.
  /** One window for all records of a key, which gives results when its trigger says so. */
  window(
    this: Flow<T, "keyed">,
    name: string,
    shape: GlobalWindow<T>,
    options?: TimeOptions,
  ): Windowed<T, false, Pick<WindowBounds, "key">>
  /** A window for each record, of the records before it. */
  window(this: Flow<T, "keyed">, name: string, shape: SlidingWindow, options?: TimeOptions): Windowed<T>
  /**
   * Groups values by key and event time into windows; follow it with `.aggregate(…)`. Needs a keyed flow.
   *
   * @param name - stable and unique within the service: the state is kept under it
   * @param shape - `tumbling("1h")`, `hopping({ size: "5m", every: "30s" })`, `session({ gap: "10m" })`, `calendar("month")`,
   *   `sliding({ size: "1h" })`, `global({ every: 100 })`
   * @throws MR1101 for a name, shape or option that is not valid
   * @example `flights.window("hourly-delays", tumbling("1h"))`
   */
  window<const O extends WindowOptions = {}>(
    this: Flow<T, "keyed">,
    name: string,
    shape: FixedWindow,
    options?: KnownOptions<O, WindowOptions>,
  ): TimedWindow<T, PanesOf<O>>
  /** Groups values by key into sessions. */
  window<const O extends WindowOptions = {}>(
    this: Flow<T, "keyed">,
    name: string,
    shape: SessionWindow,
    options?: KnownOptions<O, WindowOptions>,
  ): MergingWindow<T, PanesOf<O>>
  /** Groups values by key into windows of a shape that its type leaves open. */
  window<const O extends WindowOptions = {}>(
    this: Flow<T, "keyed">,
    name: string,
    shape: FixedWindow | SessionWindow,
    options?: KnownOptions<O, WindowOptions>,
  ): Windowed<T, PanesOf<O>>
  window(name: string, shape: WindowShape<T>, options?: WindowOptions): Windowed<T, boolean, object> {
    return windowOf<T>(this["~origin"], checkedName(name, "window"), shape, options ?? {})
  }

  /**
   * Windows over all records, whatever their keys; the results have the key `all`. All records move to one partition for it, so one core
   * does the work. Tumbling, hopping and calendar windows by event time that only count, sum, average, or keep the least, greatest, first or
   * last are aggregated in each partition first, and one value for each window moves instead, unless somebody reads `late`.
   *
   * @param name - stable and unique within the service: the state is kept under it
   * @throws MR1101 for a name, shape or option that is not valid
   * @example `payments.windowAll("per-minute", tumbling("1m")).aggregate({ payments: count() })`
   */
  windowAll(name: string, shape: GlobalWindow<T>, options?: TimeOptions): Windowed<T, false, Pick<WindowBounds, "key">>
  windowAll(name: string, shape: SlidingWindow, options?: TimeOptions): Windowed<T>
  windowAll<const O extends WindowOptions = {}>(name: string, shape: FixedWindow, options?: KnownOptions<O, WindowOptions>): TimedWindow<T, PanesOf<O>>
  windowAll<const O extends WindowOptions = {}>(name: string, shape: SessionWindow, options?: KnownOptions<O, WindowOptions>): MergingWindow<T, PanesOf<O>>
  windowAll<const O extends WindowOptions = {}>(name: string, shape: FixedWindow | SessionWindow, options?: KnownOptions<O, WindowOptions>): Windowed<T, PanesOf<O>>
  windowAll(name: string, shape: WindowShape<T>, options?: WindowOptions): Windowed<T, boolean, object> {
    return windowOf<T>(flowAfter(this["~origin"], { kind: "rekey", fn: () => "all", one: true })["~origin"], checkedName(name, "windowAll"), shape, options ?? {})
  }

  /**
   * A custom operator: state of your own by key, and timers in event time. Needs a keyed flow.
   *
   * @param name - stable and unique within the service: the state is kept under it
   * @throws MR1101 for a name or option that is not valid
   * @example
   * ```ts
   * payments.process("first-of-card", {
   *   state: () => ({ seen: false }),
   *   *onRecord(payment, ctx) {
   *     if (!ctx.state.seen) yield payment
   *     ctx.state.seen = true
   *   },
   * })
   * ```
   */
  process<
    State,
    OnRecord = never,
    OnTimer = never,
    Keeps extends Readonly<Record<string, Keep<unknown>>> = Readonly<Record<never, Keep<unknown>>>,
    Sides extends Readonly<Record<string, Side<unknown>>> = Readonly<Record<never, Side<unknown>>>,
  >(
    this: Flow<T, "keyed">,
    name: string,
    options: ProcessOptions<T, State, OnRecord, OnTimer, Keeps, Sides>,
  ): Processed<OnRecord | OnTimer, SidesOf<Sides>> {
    checkedName(name, "process")
    const what = `process ${JSON.stringify(name)}`
    checkProcess(options, ["onRecord"], what)
    const { definition, sides } = processDefinition(name, [{ from: this["~origin"] }], options, options.onRecord.bind(options), what)
    return new Processed(definition, sides)
  }

  /**
   * This flow and others of the same values as one. Each record keeps its key and event time; the watermark is the least
   * of all. Records of different flows come in no particular order.
   *
   * @param name - stable and unique within the service: the internal stream in which the flows meet is named after it
   * @throws MR1101 for a name that is not valid, or when there is nothing to unite
   * @example `cardPayments.union("all-payments", bankTransfers)`
   */
  union<U>(name: string, ...others: readonly [Flow<U, K>, ...Flow<U, K>[]]): Flow<T | U, K> {
    checkedName(name, "union")
    if (others.length === 0) {
      throw new MillraceError("MR1101", `union ${JSON.stringify(name)}: give at least one other flow to unite with.`)
    }
    const inputs = [this, ...others].map((each) => Object.freeze({ from: originOf(each, `union ${JSON.stringify(name)}`) }))
    return flow({ kind: "union", name, inputs: Object.freeze(inputs) })
  }

  /**
   * Joins this flow with another by key: `combine` is called once for each pair of partners. Both flows have keys of the same
   * meaning; put `.keyBy(…)` before where they have not.
   *
   * With `within`, partners are as far apart in event time as it says; with `window`, they lie in one window; with neither, any two
   * records of a key are partners and both flows are kept for ever. The result has the later of both event times (of a window: its
   * last millisecond). Records behind the watermark go to `late` where time matters.
   *
   * @param name - stable and unique within the service: what is kept lies under it
   * @throws MR1101 for a name or option that is not valid
   * @example
   * ```ts
   * orders.join("paid", payments, { within: { after: "1h" }, type: "left" }, (order, payment) => ({
   *   order: order.id,
   *   paid: payment !== undefined,
   * }))
   * ```
   */
  join<U, R, Type extends JoinType = "inner">(
    this: Flow<T, "keyed">,
    name: string,
    other: Flow<U, "keyed">,
    options: JoinOptions<Type>,
    combine: (left: LeftOf<T, NoInfer<Type>>, right: RightOf<U, NoInfer<Type>>, at: JoinContext) => R,
  ): Joined<R, T, U>
  /**
   * Joins this flow with a table: each record gets the row that its key has when the record is processed. Which comes first, a record or
   * a change of the row, is a matter of arrival; where event time must decide, see {@link joinAsOf}.
   *
   * @example `payments.join("with-owner", accounts, { type: "left" }, (payment, account) => ({ ...payment, owner: account?.owner }))`
   */
  join<U, R, Type extends "inner" | "left" = "inner">(
    this: Flow<T, "keyed">,
    name: string,
    other: Table<U>,
    options: EnrichOptions<Type>,
    combine: (value: T, row: RightOf<U, NoInfer<Type>>, at: JoinContext) => R,
  ): Flow<R, "keyed">
  join(
    name: string,
    other: Flow<unknown, "keyed"> | Table<unknown>,
    options: JoinOptions<JoinType> & EnrichOptions<"inner" | "left">,
    combine: (left: never, right: never, at: JoinContext) => unknown,
  ): Flow<unknown, "keyed"> {
    const table = tableOf(other)
    if (table !== undefined) return flow(enrichDefinition(name, [this["~origin"], table], options, combine))
    const right = originOf(other as Flow<unknown, "keyed">, `join ${JSON.stringify(name)}`)
    return new Joined(joinDefinition(name, [this["~origin"], right], options, combine))
  }

  /**
   * Joins this flow with versions by key and event time: each record gets the last version whose event time is not after its own. The
   * result comes, with the record's event time, when the watermark proves that no such version is still to come.
   *
   * @returns the results; `late` has the records that came behind the watermark
   * @example `orders.joinAsOf("in-euros", rates, {}, (order, rate) => ({ ...order, euros: order.amount * rate.euros }))`
   */
  joinAsOf<U, R, Type extends "inner" | "left" = "inner">(
    this: Flow<T, "keyed">,
    name: string,
    versions: Flow<U, "keyed">,
    options: AsOfOptions<Type, U>,
    combine: (value: T, version: RightOf<U, NoInfer<Type>>, at: JoinContext) => R,
  ): Aggregated<R, T> {
    const right = originOf(versions, `joinAsOf ${JSON.stringify(name)}`)
    return new Aggregated(asOfDefinition(name, [this["~origin"], right], options, combine))
  }

  /**
   * Gives each record all rows of a table, which every partition has a copy of: rules, settings, small reference data. `fn` returns or
   * yields results; key and event time stay.
   *
   * @param name - stable and unique within the service: the rows are kept under it
   * @example
   * ```ts
   * payments.withBroadcast("checked", rules, function* (payment, rows) {
   *   for (const rule of rows.values()) if (payment.amount > rule.limit) yield { payment, rule: rule.name }
   * })
   * ```
   */
  withBroadcast<U, R>(name: string, table: Table<U>, fn: (value: T, rows: ReadonlyMap<string, U>, at: JoinContext) => Iterable<R>): Flow<R, K> {
    const rows = tableOf(table)
    if (rows === undefined) throw new MillraceError("MR1101", `withBroadcast ${JSON.stringify(name)}: expected a table, such as rules.toTable("rules").`)
    return flow(broadcastDefinition(name, [this["~origin"], rows], fn))
  }

  /**
   * Turns each value into another with the help of something that takes time: a request, a query. Key and event time stay. Calls are
   * made side by side and hold up nothing but their own results; each result counts once, whatever crashes, though its call may then be
   * made again: it should change nothing outside, or say the same when it is repeated. A record whose last attempt
   * fails, or takes too long, becomes a dead letter.
   *
   * @param name - stable and unique within the service: records that wait for their results are kept under it
   * @throws MR1101 for a name or option that is not valid
   * @example
   * ```ts
   * payments.mapAsync("scored", async (payment, { signal }) => {
   *   const response = await fetch(`http://scores/${payment.card}`, { signal })
   *   if (!response.ok) throw new Error(`the score service answered ${response.status}`)
   *   return { ...payment, score: await response.json() }
   * }, { concurrency: 50, timeout: "2s" })
   * ```
   */
  mapAsync<R>(name: string, fn: (value: T, ctx: CallContext) => R, options: AsyncOptions = {}): Flow<Awaited<R>, K> {
    return flow(mapAsyncDefinition(name, this["~origin"], fn, options))
  }

  /**
   * Joins each record with what an outside source has for it: `load` gets keys of several records at once, and what it answers may be
   * remembered for a while. The source is asked when the record comes; what it says may be another thing later.
   * For rows that are kept here, use {@link join} with a table.
   *
   * @param name - stable and unique within the service: records that wait are kept under it
   * @throws MR1101 for a name or option that is not valid
   * @example
   * ```ts
   * payments.lookup("with-owner", {
   *   key: (payment) => payment.card,
   *   load: async (cards) => ownersOf(cards),
   *   cache: { ttl: "5m" },
   *   type: "left",
   * }, (payment, owner) => ({ ...payment, owner: owner?.name }))
   * ```
   */
  lookup<V, R, Type extends "inner" | "left" = "inner">(
    name: string,
    options: LookupOptions<T, V, Type>,
    combine: (value: T, found: RightOf<V, NoInfer<Type>>, at: RecordContext) => R,
  ): Flow<R, K> {
    const { definition, left } = lookupDefinition(name, this["~origin"], options)
    checkFunction(combine, `lookup ${JSON.stringify(name)}, combine`)
    const looked = flow<Looked, K>(definition)
    return looked.flatMap(([value, found, known], at) => (known || left ? [combine(value as T, found as RightOf<V, Type>, at)] : []))
  }

  /** This flow and another, by key, for one custom operator over both; follow it with `.process(…)`. */
  connect<U>(this: Flow<T, "keyed">, other: Flow<U, "keyed">): Connected<T, U> {
    return new Connected(this["~origin"], originOf(other, "connect"))
  }

  /**
   * The newest value of each key by event time, as a table; of one time, the one that came last.
   *
   * @param name - stable and unique within the service: the rows are kept under it
   * @example `sensors.toTable("newest", { deleted: (reading) => reading.retired })`
   */
  toTable(this: Flow<T, "keyed">, name: string, options: TableOptions<T> = {}): Table<T> {
    return new Table({ definition: stateful(name, this["~origin"], tableMade(name, options)), port: "out" })
  }

  /**
   * Each key's values made one, in the order in which they come: the first is the row, then `fn(row, value)`.
   *
   * @param name - stable and unique within the service: the rows are kept under it
   * @example `readings.reduce("highest", (high, reading) => (reading.value > high.value ? reading : high))`
   */
  reduce(this: Flow<T, "keyed">, name: string, fn: (row: T, value: T) => T): Table<T> {
    return new Table({ definition: stateful(name, this["~origin"], reduceMade(name, fn)), port: "out" })
  }

  /**
   * Aggregates over all records of a key so far, as a table that changes with each record. For windows, `.window(…)` first.
   *
   * @param name - stable and unique within the service: what is kept lies under it
   * @throws MR1101 for an aggregate named `key`, `start` or `end`, or that is not an aggregate
   * @example `bids.aggregate("per-auction", { bids: count(), bidders: distinctCount((bid) => bid.bidder) })`
   */
  aggregate<A extends Aggregates<T>>(
    this: Flow<T, "keyed">,
    name: string,
    aggregates: A & AggregatesOf<T>,
  ): Table<RunningResult<A>> {
    checkedName(name, "aggregate")
    checkAggregates(aggregates, `aggregate ${JSON.stringify(name)}`)
    return new Table(running(name, this["~origin"], "records", aggregates))
  }

  /**
   * The first `n` records of each key in an order, as a table whose rows are lists: the rank is the place in the list.
   *
   * @param name - stable and unique within the service: what is kept lies under it
   * @example `bids.topN("best-bids", { n: 10, by: (bid) => bid.price })`
   */
  topN(this: Flow<T, "keyed">, name: string, options: TopOptions<T>): Table<readonly T[]> {
    return new Table({ definition: stateful(name, this["~origin"], topMade(name, options, "top")), port: "out" })
  }

  /**
   * One record of each key: the first or the last by event time. Without `within`, a table of one row for each key, which changes when
   * one comes that is older (newer) than the row.
   *
   * With `within`, a flow: duplicates are the records less than that after the first of them, and one of each such group comes out. The
   * first comes when the watermark has passed it; the last when it has passed the group's end, with its last millisecond as event time. The
   * order in which records come does not show, and nothing is remembered beyond the group's end; records behind the watermark
   * go to `late`. Where the first to come is good enough and must come out at once, see {@link distinct}.
   *
   * @param name - stable and unique within the service: what is kept lies under it
   * @throws MR1101 for a name or option that is not valid
   * @example `orders.keyBy((order) => order.id).deduplicate("once", { keep: "first", within: "1d" })`
   */
  deduplicate(this: Flow<T, "keyed">, name: string, options: DeduplicateOptions & { readonly within: Duration }): Aggregated<T, T>
  deduplicate(this: Flow<T, "keyed">, name: string, options?: DeduplicateOptions & { readonly within?: undefined }): Table<T>
  deduplicate(name: string, options: DeduplicateOptions = {}): Aggregated<T, T> | Table<T> {
    const definition = stateful(name, this["~origin"], deduplicateMade(name, options))
    return options.within === undefined ? new Table({ definition, port: "out" }) : new Aggregated(definition)
  }

  /**
   * Lets the first of each key pass (of each key and value of `of`), and stops those like it that come after, for ever or `within` a
   * time. What is first is who came first. Records behind the watermark by more than `within` go to `late`.
   *
   * @param name - stable and unique within the service: what is remembered lies under it
   * @example `payments.distinct("once", { of: (payment) => payment.id, within: "1d" })`
   */
  distinct(this: Flow<T, "keyed">, name: string, options: DistinctOptions<T> = {}): Aggregated<T, T> {
    return new Aggregated(stateful(name, this["~origin"], distinctMade(name, options)))
  }

  /**
   * Looks for a pattern in the records of each key, in the order of their event times. A match is an object with a field for each
   * stage: its record, or a list where a stage may take several; its event time is that of its last record. Also known as complex
   * event processing (CEP), or MATCH_RECOGNIZE.
   *
   * @param name - stable and unique within the service: what is kept lies under it
   * @returns the matches; `timedOut` has what was not complete in time, `late` the records behind the watermark
   * @throws MR1101 for a pattern that can match nothing, or that nothing can complete
   * @example
   * ```ts
   * logins.match("break-in", (pattern) =>
   *   pattern
   *     .begin("failed", (login) => !login.ok)
   *     .timesOrMore(3)
   *     .followedBy("in", (login, { failed }) => login.ok && login.from === failed[0]?.from)
   *     .within("5m")
   *     .skip("past-last"),
   * )
   * ```
   */
  match<Done, Name extends string, Value>(
    this: Flow<T, "keyed">,
    name: string,
    define: (pattern: PatternStart<T>) => Pattern<T, Done, Name, Value>,
  ): Matched<MatchWith<Done, Name, Value>, T> {
    checkFunction(define, `match ${JSON.stringify(name)}`)
    const given: unknown = define(new PatternStart<T>(`match ${JSON.stringify(checkedName(name, "match"))}`))
    if (!(given instanceof Pattern)) {
      throw new MillraceError("MR1101", `match ${JSON.stringify(name)}: the function must return a pattern, such as pattern.begin("a").next("b", …).`)
    }
    return new Matched(given.definition(name, this["~origin"]))
  }

  /**
   * Ends the flow in a stream or a sink. A stream takes its own key and event time from the values; the values must fit
   * its schema's input. Front doors can no longer write a stream that a service writes.
   *
   * @returns an outlet: the flow becomes part of a service once it is given to `service(name, […])`
   * @example `hourly.to(files("hourly-delays", { format: "parquet" }))`
   */
  to<Gives, Called = unknown>(to: Target<T, Gives, Called>): Outlet<unknown extends Gives ? T : Gives, Called> {
    if (arguments.length > 1) {
      throw new MillraceError("MR1101", "to: it takes no options; say them where the stream, sink or task is defined, such as task(name, { delay: \"5m\", … }).")
    }
    const given = (to as Partial<Target<T>> | undefined)?.["~target"]
    if (given === undefined) {
      throw new MillraceError("MR1101", 'to: give a stream, or a sink such as files("name", { format: "parquet" }).')
    }
    return Object.freeze({ "~outlet": Object.freeze({ from: this["~origin"], target: given }) })
  }
}

/** The results of a window, and the records that came too late for it. */
export class Aggregated<Result, T> extends Flow<Result, "keyed"> {
  /** Records that came when all of their windows had closed, unchanged, under their own key and event time. */
  readonly late: Flow<T, "keyed">

  constructor(definition: Definition) {
    const frozen = Object.freeze(definition)
    super({ definition: frozen, port: "out" })
    this.late = new Flow({ definition: frozen, port: "late" })
  }
}

/** The results of a process, and its side outputs. */
export class Processed<Result, Sides> extends Flow<Result, "keyed"> {
  /** Its side outputs by name, under the keys and event times of the records or timers that gave them. */
  readonly sides: { readonly [N in keyof Sides]: Flow<Sides[N], "keyed"> }

  constructor(definition: Definition, sides: readonly string[]) {
    const frozen = Object.freeze(definition)
    super({ definition: frozen, port: "out" })
    const flows = sides.map((name) => [name, new Flow({ definition: frozen, port: `side.${name}` })] as const)
    this.sides = Object.freeze(Object.fromEntries(flows)) as Processed<Result, Sides>["sides"]
  }
}

/** The results of a join, and the records that came too late for it. */
export class Joined<Result, T, U> extends Flow<Result, "keyed"> {
  /** Records that came behind the watermark, with their side, under their own key and event time. */
  readonly late: Flow<LateOf<T, U>, "keyed">

  constructor(definition: Definition) {
    const frozen = Object.freeze(definition)
    super({ definition: frozen, port: "out" })
    this.late = new Flow({ definition: frozen, port: "late" })
  }
}

/** The matches of a pattern, what ran out of time, and the records that came too late. */
export class Matched<Match, T> extends Flow<Match, "keyed"> {
  /** Matches that were not complete within their time, with what they had; their event time is the end of it. */
  readonly timedOut: Flow<Partial<Match>, "keyed">
  /** Records that came behind the watermark, under their own key and event time. */
  readonly late: Flow<T, "keyed">

  constructor(definition: Definition) {
    const frozen = Object.freeze(definition)
    super({ definition: frozen, port: "out" })
    this.timedOut = new Flow({ definition: frozen, port: "timedOut" })
    this.late = new Flow({ definition: frozen, port: "late" })
  }
}

/** Where a flow comes from. @throws MR1101 when it is none */
function originOf(given: { readonly "~origin": Origin }, what: string): Origin {
  const origin = (given as Partial<typeof given> | undefined)?.["~origin"]
  if (origin === undefined) throw new MillraceError("MR1101", `${what}: expected a flow, such as a stream or what an operator gives.`)
  return origin
}

function flow<U, K extends Keying>(definition: Definition): Flow<U, K> {
  return new Flow({ definition: Object.freeze(definition), port: "out" })
}

/** A flow behind an operator that looks at one record at a time. */
export function flowAfter<U, K extends Keying>(
  from: Origin,
  code: OperatorCode & { kind: StatelessDefinition["kind"] },
): Flow<U, K> {
  return flow({ kind: code.kind, from, code: Object.freeze(code) })
}

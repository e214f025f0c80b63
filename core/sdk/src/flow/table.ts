/**
 * Tables: the newest row of each key, and how it changes. A table is a plain value like a flow; its rows are kept under the name of the
 * operator that makes it.
 */
import { type Change, type JoinContext, type JoinType, MillraceError } from "@millrace/model"
import { type Aggregates, type AggregatesOf, type AggregateOf, checkAggregates, kindsOf } from "../aggregates/record.ts"
import type { Origin } from "../definition.ts"
import { checkedName, checkFunction } from "../setting.ts"
import type { Outlet, Target } from "../target.ts"
import { type Flow, flowAfter } from "./flow.ts"
import type { LeftOf, RightOf } from "./join.ts"
import { suppressDefinition, type SuppressOptions } from "./suppress.ts"
import { stateful, topMade, type TopOptions } from "./table-options.ts"
import { tableJoinDefinition, type TableJoinOptions } from "./table-join.ts"

/** What a running aggregate gives: its key beside the aggregates' results. */
export type RunningResult<A> = { readonly key: string } & { readonly [N in keyof A]: AggregateOf<A[N]> } extends infer R
  ? { readonly [N in keyof R]: R[N] }
  : never

/** Inside, a table's flow: each change as a pair. */
type Pair = readonly [old: unknown, now: unknown]

/** Rows of type `T`, one to a key. */
export class Table<T> {
  readonly "~table": Origin
  /** Never there: makes the compiler tell tables of different rows apart. */
  declare readonly "~row": T

  constructor(changes: Origin) {
    this["~table"] = Object.freeze(changes)
  }

  /** Each change of a row, with what it was before: adding up what comes and taking away what goes always gives the table. */
  changes(): Flow<Change<T>, "keyed"> {
    return flowAfter(this["~table"], {
      kind: "map",
      fn: ([old, now]: Pair, { key }: { readonly key: string }) => ({ key, old, new: now }),
    })
  }

  /** The new row at each change; rows that go are passed over. */
  toStream(): Flow<T, "keyed"> {
    return flowAfter(this["~table"], {
      kind: "flatMap",
      fn: ([, now]: Pair) => (now === undefined ? [] : [now]),
    })
  }

  /**
   * Ends the table in a stream or a sink, which get each change as `{ key, old, new }`: of a new row `old` is missing, of one that is gone
   * `new`. For new rows alone, `.toStream().to(…)`.
   *
   * @returns an outlet, for `service(name, […])`
   * @example `balances.to(files("balances", { format: "ndjson" }))`
   */
  to<Gives, Called = unknown>(to: Target<Change<T>, Gives, Called>): Outlet<unknown extends Gives ? Change<T> : Gives, Called> {
    return this.changes().to(to)
  }

  /** Turns each row into another; the key stays. `fn` must depend on nothing but the row. */
  map<U>(fn: (row: T) => U): Table<U> {
    checkFunction(fn, "table.map")
    const each = fn as (row: unknown) => unknown
    const of = (row: unknown): unknown => (row === undefined ? undefined : each(row))
    return new Table(after(this["~table"], ([old, now]) => [[of(old), of(now)]]))
  }

  /** Keeps the rows for which `fn` answers true: one that does no more is gone. */
  filter(fn: (row: T) => boolean): Table<T> {
    checkFunction(fn, "table.filter")
    const keeps = fn as (row: unknown) => boolean
    const of = (row: unknown): unknown => (row !== undefined && keeps(row) ? row : undefined)
    return new Table(
      after(this["~table"], (pair) => {
        const old = of(pair[0])
        const now = of(pair[1])
        return old === undefined && now === undefined ? [] : [[old, now]]
      }),
    )
  }

  /**
   * Holds the changes of each row back for a while and makes one of those that come meanwhile: for what takes every change dearly. The
   * changes are as exact as before, and a row that comes and goes within the time is never told.
   *
   * @param name - stable and unique within the service: what is held back is kept under it
   * @throws MR1101 for a name or option that is not valid
   * @example `clicked.suppress("clicks-per-minute", { within: "1m" }).to(files("clicks"))`
   */
  suppress(name: string, options: SuppressOptions): Table<T> {
    return new Table({ definition: suppressDefinition(name, this["~table"], options), port: "out" })
  }

  /**
   * Joins this table with another, by key, or by a foreign key that its rows name (`on`). The result is a table whose rows change with
   * those of both.
   *
   * @param name - stable and unique within the service: what is kept lies under it
   * @example
   * ```ts
   * orders.join("with-customer", customers, { on: (order) => order.customer, type: "left" }, (order, customer) => ({
   *   ...order,
   *   country: customer?.country,
   * }))
   * ```
   */
  join<U, R, Type extends JoinType = "inner">(
    name: string,
    other: Table<U>,
    options: TableJoinOptions<T, Type>,
    combine: (left: LeftOf<T, NoInfer<Type>>, right: RightOf<U, NoInfer<Type>>, at: JoinContext) => R,
  ): Table<R> {
    const right = tableOf(other)
    if (right === undefined) throw new MillraceError("MR1101", `join ${JSON.stringify(name)}: a table is joined with a table; make one with .toTable("…").`)
    return new Table({ definition: tableJoinDefinition(name, [this["~table"], right], options, combine), port: "out" })
  }

  /**
   * Puts the rows into groups; follow it with `.aggregate(…)`. A row that changes its group leaves one and enters the other.
   *
   * @example `winners.groupBy((bid) => bid.category).aggregate("average-price", { price: mean((bid) => bid.price) })`
   */
  groupBy(fn: (row: T) => string): GroupedTable<T> {
    checkFunction(fn, "groupBy")
    return new GroupedTable(this["~table"], fn)
  }

  /**
   * Aggregates over all rows that the table has now: a table of one row, of the key `all`. All changes come to one partition; where there
   * are many, group by something finer first.
   *
   * @param name - stable and unique within the service: the state is kept under it
   * @throws MR1101 for an aggregate that cannot take a row out again
   * @example `balances.aggregate("bank", { accounts: count(), total: sum((balance) => balance.amount) })`
   */
  aggregate<A extends Aggregates<T>>(name: string, aggregates: A & AggregatesOf<T>): Table<RunningResult<A>> {
    return this.groupBy(everything).aggregate(name, aggregates)
  }

  /**
   * The first `n` of all rows that the table has now, in an order: a table of one row, the list, of the key `all`. Rows of equal rank are in
   * the order of their keys. All changes come to one partition.
   *
   * @param name - stable and unique within the service: the rows are kept under it
   * @example `sellers.topN("best-sellers", { n: 10, by: (seller) => seller.sold })`
   */
  topN(name: string, options: TopOptions<T>): Table<readonly T[]> {
    return this.groupBy(everything).topN(name, options)
  }
}

/** A table's rows in groups, which still lack their aggregates. */
export class GroupedTable<T> {
  readonly #grouped: Origin
  /** Never there: see {@link Table}. */
  declare readonly "~row": T

  constructor(from: Origin, group: (row: never) => string) {
    this.#grouped = flowAfter(from, { kind: "regroup", fn: group })["~origin"]
  }

  /**
   * Aggregates over the rows that each group has now: rows that change or go are taken out again, exactly. A group without rows is
   * gone.
   *
   * @param name - stable and unique within the service: the state is kept under it
   * @throws MR1101 for an aggregate that cannot take a row out again
   */
  aggregate<A extends Aggregates<T>>(name: string, aggregates: A & AggregatesOf<T>): Table<RunningResult<A>> {
    checkedName(name, "aggregate")
    const what = `aggregate ${JSON.stringify(name)}`
    checkAggregates(aggregates, what)
    for (const [field, { kind, remove, member, rows }] of Object.entries(aggregates as Aggregates<T>)) {
      if (remove !== undefined || member !== undefined || rows !== undefined) continue
      throw new MillraceError(
        "MR1101",
        `${what}: ${JSON.stringify(field)} (${kind}) cannot take out a row that has changed or gone. Over a table's groups use count, ` +
          "sum, mean, min, max, distinctCount, collect, topN, or aggregate({ … }) with remove.",
        { field, kind },
      )
    }
    return new Table(running(name, this.#grouped, "changes", aggregates))
  }

  /**
   * The first `n` rows that each group has now, in an order, as a table whose rows are lists: the rank is the place in the list. Rows of
   * equal rank are in the order of their keys. Since any row may move up, all rows of a group are kept.
   *
   * @param name - stable and unique within the service: the rows are kept under it
   * @example `sellers.groupBy((seller) => seller.country).topN("best-of-country", { n: 3, by: (seller) => seller.sold })`
   */
  topN(name: string, options: TopOptions<T>): Table<readonly T[]> {
    return new Table({ definition: stateful(name, this.#grouped, topMade(name, options, "top-rows")), port: "out" })
  }

}

/** The changes of a table; undefined when it is none. */
export function tableOf(given: unknown): Origin | undefined {
  return typeof given === "object" && given !== null ? (given as Partial<Table<unknown>>)["~table"] : undefined
}

/** Running aggregates over records or changes. */
export function running(name: string, from: Origin, input: "records" | "changes", aggregates: Aggregates<never>): Origin {
  return {
    definition: Object.freeze({
      kind: "stateful",
      name,
      inputs: Object.freeze([Object.freeze({ from })] as const),
      shape: Object.freeze({ kind: "running", input, aggregates: kindsOf(aggregates) }),
      code: Object.freeze({ kind: "running", aggregates: Object.freeze({ ...aggregates }) }),
    }),
    port: "out",
  }
}

/** The group of all rows. */
function everything(): string {
  return "all"
}

function after(from: Origin, fn: (pair: Pair) => readonly Pair[]): Origin {
  return flowAfter(from, { kind: "flatMap", fn })["~origin"]
}

/** What the operators that make tables of flows take, checked. */
import type { Duration } from "@millrace/model"
import type { StatefulDefinition, Origin } from "../definition.ts"
import { checkedMs, checkedName, checkedWhole, checkFunction, checkKeys } from "../setting.ts"
import { limits, MillraceError } from "@millrace/model"

/** What records may be ranked by: of one kind, or lists that are compared place by place. */
export type RankedBy = number | string | bigint | boolean | Date | readonly RankedBy[]

export interface TableOptions<T> {
  /** Says of a value that it deletes its key's row. @default never */
  readonly deleted?: (value: T) => boolean
}

export interface TopOptions<T> {
  /** How many are kept of each key, 1 to 1,000. */
  readonly n: number
  /** What they are ranked by. Of equal rank, the earlier by event time is first, then the one that came first. */
  readonly by: (value: T) => RankedBy
  /** Which come first. @default "descending" */
  readonly order?: "descending" | "ascending"
}

export interface DeduplicateOptions {
  /** Which of its records a key keeps, by event time; of one time, the one that came first, or last. @default "first" */
  readonly keep?: "first" | "last"
  /**
   * Duplicates are records less than this after the first of them. Then one of each such group comes out, once it is certain, and
   * nothing is remembered longer. @default for ever: a table with one row of each key
   */
  readonly within?: Duration | undefined
}

export interface DistinctOptions<T> {
  /** What makes records of one key alike. @default their key alone */
  readonly of?: (value: T) => string | number | bigint | boolean | Date
  /** Only what came less than this before, by event time, stops a record. @default for ever, and everything is remembered */
  readonly within?: Duration
}

type Made = Pick<StatefulDefinition, "shape" | "code">

export function tableMade(name: string, options: TableOptions<never>): Made {
  const what = named(name, "toTable")
  checkKeys(options, ["deleted"], what)
  const { deleted } = options
  checkFunction(deleted, `${what}, deleted`, "optional")
  return {
    shape: { kind: "table", keep: "last" },
    code: { kind: "table", ...(deleted === undefined ? {} : { deleted }) },
  }
}

export function reduceMade(name: string, fn: (before: never, value: never) => unknown): Made {
  checkFunction(fn, named(name, "reduce"))
  return { shape: { kind: "reduce" }, code: { kind: "reduce", fn } }
}

export function topMade(name: string, options: TopOptions<never>, kind: "top" | "top-rows"): Made {
  const what = named(name, "topN")
  checkKeys(options, ["n", "by", "order"], what)
  const { by, order = "descending" } = options
  checkFunction(by, `${what}, by`)
  if (order !== "descending" && order !== "ascending") {
    throw new MillraceError("MR1101", `${what}, order: ${JSON.stringify(order)} is neither "descending" nor "ascending".`)
  }
  const n = checkedWhole(options.n, 1, limits.topRecordsMax, `${what}, n`)
  return { shape: { kind, n, order }, code: { kind, by } }
}

export function deduplicateMade(name: string, options: DeduplicateOptions): Made {
  const what = named(name, "deduplicate")
  checkKeys(options, ["keep", "within"], what)
  const { keep = "first", within } = options
  if (keep !== "first" && keep !== "last") {
    throw new MillraceError("MR1101", `${what}, keep: ${JSON.stringify(keep)} is neither "first" nor "last".`)
  }
  if (within === undefined) return { shape: { kind: "table", keep }, code: { kind: "table" } }
  const withinMs = checkedMs(within, `${what}, within`, 1)
  return { shape: { kind: "deduplicate", keep, withinMs }, code: { kind: "deduplicate" } }
}

export function distinctMade(name: string, options: DistinctOptions<never>): Made {
  const what = named(name, "distinct")
  checkKeys(options, ["of", "within"], what)
  const { of, within } = options
  checkFunction(of, `${what}, of`, "optional")
  return {
    shape: { kind: "distinct", ...(within === undefined ? {} : { withinMs: checkedMs(within, `${what}, within`, 1) }) },
    code: { kind: "distinct", ...(of === undefined ? {} : { of }) },
  }
}

/** The definition of an operator that reads one flow. */
export function stateful(name: string, from: Origin, { shape, code }: Made): StatefulDefinition {
  return Object.freeze({
    kind: "stateful",
    name,
    inputs: Object.freeze([Object.freeze({ from })] as const),
    shape: Object.freeze(shape),
    code: Object.freeze(code),
  })
}

function named(name: string, operator: string): string {
  checkedName(name, operator)
  return `${operator} ${JSON.stringify(name)}`
}

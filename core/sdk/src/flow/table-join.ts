/** Joins with tables, as definitions. */
import { type JoinContext, type JoinType, MillraceError, type OperatorCode, type OperatorShape } from "@millrace/model"
import type { Input, Origin, StatefulDefinition } from "../definition.ts"
import { checkedName, checkFunction, checkKeys } from "../setting.ts"

/** A join of a flow with a table or with versions. */
export interface EnrichOptions<Type extends "inner" | "left"> {
  /** `left`: a record whose key has no row gives a result too. @default "inner" */
  readonly type?: Type
}

/** A join of a flow with versions that are valid from their event times on. */
export interface AsOfOptions<Type extends "inner" | "left", U> extends EnrichOptions<Type> {
  /** Says of a version that from its time on there is none. @default never */
  readonly deleted?: (version: U) => boolean
}

/** A join of two tables: by the rows' own keys, or by a foreign key. */
export type TableJoinOptions<T, Type extends JoinType> =
  | {
      /** `left`, `right`, `outer`: a row of that side (of both) without a partner gives a row too. @default "inner" */
      readonly type?: Type
      readonly on?: never
    }
  | {
      /** `left`: a row that belongs to none gives a row too. @default "inner" */
      readonly type?: Type & ("inner" | "left")
      /**
       * A foreign key: the key of the other table's row that a row of this one belongs to; null and undefined: none. The rows of the
       * result have the keys of this table.
       *
       * @default the row's own key
       */
      readonly on: (row: T) => string | null | undefined
    }

type Combine = (left: never, right: never, at: JoinContext) => unknown

export function enrichDefinition(
  name: string,
  inputs: readonly [Origin, Origin],
  options: EnrichOptions<"inner" | "left">,
  combine: Combine,
): StatefulDefinition {
  const what = named(name, "join")
  checkKeys(options, ["type"], what)
  checkFunction(combine, `${what}, combine`)
  const type = sideType(options.type, what)
  return defined(name, inputs, { kind: "enrich", type }, { kind: "enrich", combine })
}

export function asOfDefinition(
  name: string,
  inputs: readonly [Origin, Origin],
  options: AsOfOptions<"inner" | "left", never>,
  combine: Combine,
): StatefulDefinition {
  const what = named(name, "joinAsOf")
  checkKeys(options, ["type", "deleted"], what)
  checkFunction(combine, `${what}, combine`)
  const { deleted } = options
  checkFunction(deleted, `${what}, deleted`, "optional")
  const type = sideType(options.type, what)
  return defined(name, inputs, { kind: "as-of", type }, { kind: "as-of", combine, ...(deleted === undefined ? {} : { deleted }) })
}

export function tableJoinDefinition(
  name: string,
  inputs: readonly [Origin, Origin],
  options: TableJoinOptions<never, JoinType>,
  combine: Combine,
): StatefulDefinition {
  const what = named(name, "join")
  checkKeys(options, ["type", "on"], what)
  checkFunction(combine, `${what}, combine`)
  const { type = "inner", on } = options
  if (on !== undefined) return foreignDefinition(name, inputs, type, on, combine, what)
  if (!["inner", "left", "right", "outer"].includes(type)) {
    throw new MillraceError("MR1101", `${what}, type: ${JSON.stringify(type)} is none of inner, left, right, outer.`)
  }
  return defined(name, inputs, { kind: "table-join", type }, { kind: "table-join", combine })
}

export function broadcastDefinition(
  name: string,
  [flow, table]: readonly [Origin, Origin],
  fn: (value: never, rows: ReadonlyMap<string, never>, at: JoinContext) => Iterable<unknown>,
): StatefulDefinition {
  const what = named(name, "withBroadcast")
  checkFunction(fn, what)
  const inputs: readonly [Input, Input] = [{ from: flow }, { from: table, broadcast: true }]
  return Object.freeze({ ...stateful(name, inputs, { kind: "broadcast" }, { kind: "broadcast", fn }), keyless: true })
}

/** Three operators: to the place that a row names, what it meets there, and back. */
function foreignDefinition(
  name: string,
  [left, right]: readonly [Origin, Origin],
  type: JoinType,
  on: (row: never) => string | null | undefined,
  combine: Combine,
  what: string,
): StatefulDefinition {
  checkFunction(on, `${what}, on`)
  const side = sideType(type, `${what} with on`)
  const sent = stateful(`${name}.send`, [{ from: left }], { kind: "foreign-send" }, { kind: "foreign-send", on })
  const met = stateful(
    `${name}.meet`,
    [{ from: out({ ...sent, moves: true }) }, { from: right }],
    { kind: "foreign-meet", type: side },
    { kind: "foreign-meet", combine },
  )
  return stateful(name, [{ from: out({ ...met, moves: true }) }], { kind: "foreign-settle" }, { kind: "foreign-settle" })
}

function out(definition: StatefulDefinition): Origin {
  return Object.freeze({ definition: Object.freeze(definition), port: "out" })
}

function defined(name: string, [left, right]: readonly [Origin, Origin], shape: OperatorShape, code: OperatorCode): StatefulDefinition {
  return stateful(name, [{ from: left }, { from: right }], shape, code)
}

function stateful(name: string, inputs: readonly [Input, ...Input[]], shape: OperatorShape, code: OperatorCode): StatefulDefinition {
  return Object.freeze({ kind: "stateful", name, inputs: Object.freeze(inputs), shape: Object.freeze(shape), code: Object.freeze(code) })
}

function sideType(given: string | undefined, what: string): "inner" | "left" {
  if (given === undefined || given === "inner") return "inner"
  if (given === "left") return "left"
  throw new MillraceError("MR1101", `${what}, type: ${JSON.stringify(given)} is neither "inner" nor "left".`, { given })
}

function named(name: string, operator: string): string {
  checkedName(name, operator)
  return `${operator} ${JSON.stringify(name)}`
}

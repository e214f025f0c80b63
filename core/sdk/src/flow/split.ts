/** Splits: one flow as several, each value in one of them. */
import { MillraceError, type OperatorCode, type Port, type RecordContext } from "@millrace/model"
import { checkedName, checkFunction } from "../setting.ts"
import type { Flow, Keying } from "./flow.ts"

/** Tests by the names of the branches; a value goes to the first whose test it passes. */
export type Branches<T> = Readonly<Record<string, (value: T, at: RecordContext) => boolean>> & {
  /** The branch of what passes no test is there without being asked for. */
  readonly rest?: never
}

/** The flows of a split: one for each branch, narrowed where its test is a type guard, and the rest. */
export type Split<T, B, K extends Keying> = { readonly [N in keyof B]: Flow<B[N] extends (value: T, at: RecordContext) => value is (infer U extends T) ? U : T, K> } & { readonly rest: Flow<T, K> }

type SplitCode = Extract<OperatorCode, { kind: "split" }>

/** The name of a branch's output. */
export function branchPort(name: string): Port {
  return `branch.${name}`
}

/** @throws MR1101 */
export function splitCode(branches: Readonly<Record<string, unknown>>): SplitCode {
  const given: unknown = branches
  if (typeof given !== "object" || given === null) throw new MillraceError("MR1101", "split: expected an object with a test for each branch.")
  const named = Object.entries(given).map(([name, takes]: [string, unknown]) => {
    checkedName(name, "split")
    if (name === "rest") throw new MillraceError("MR1101", 'split: "rest" is the branch of what passes no test; give this one another name.')
    checkFunction(takes, `split, ${name}`)
    return Object.freeze({ port: branchPort(name), takes: takes as (value: never, at: RecordContext) => boolean })
  })
  if (named.length === 0) throw new MillraceError("MR1101", "split: there is no branch; give a test for each, such as { large: (order) => order.total > 100 }.")
  return Object.freeze({ kind: "split", branches: Object.freeze(named) })
}

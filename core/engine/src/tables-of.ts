/** The tables of a plan, and where their rows lie in the state. */
import type { OperatorKind, Plan } from "@millrace/model"
import { keyOfRow } from "./state/row.ts"

/** A table of a service: an operator that keeps one row to a key. */
export interface TablePlan {
  /** The operator's name. */
  readonly name: string
  readonly service: string
  readonly stage: string
  /** The stream whose offsets say how far the table is. */
  readonly input: string
  readonly partitions: number
  /** The scopes of state that its rows are made of. */
  readonly scopes: readonly string[]
  /** Those of them where a change is a change of a row. */
  readonly rowScopes: readonly string[]
  /** The key of the table's row that a key of its row scopes belongs to. */
  keyOf(stateKey: string): string
}

/** How the scopes of an operator's rows end, behind its name, and those of what the rows are made of besides. */
interface Endings {
  readonly rows: readonly string[]
  readonly also?: readonly string[]
}

/** Kinds of operators that keep a table. */
const kinds: ReadonlyMap<OperatorKind, Endings> = new Map<OperatorKind, Endings>([
  ["table", { rows: [""] }],
  ["reduce", { rows: [""] }],
  ["running", { rows: [""], also: ["@rows"] }],
  ["top", { rows: [""] }],
  ["top-rows", { rows: [""] }],
  ["table-join", { rows: ["@left", "@right"] }],
  ["foreign-settle", { rows: [""] }],
])

export function tablesOf(plan: Plan): readonly TablePlan[] {
  const { service } = plan
  return plan.stages.flatMap(({ id, input, partitions, operators }) =>
    operators.flatMap(({ name, kind }) => {
      const endings = kinds.get(kind)
      if (endings === undefined) return []
      const named = (all: readonly string[]): string[] => all.map((ending) => `${service}/${name}${ending}`)
      const rowScopes = named(endings.rows)
      const scopes = [...rowScopes, ...named(endings.also ?? [])]
      return [{ name, service, stage: id, input, partitions, scopes, rowScopes, keyOf: kind === "top-rows" ? keyOfRow : same }]
    }),
  )
}

function same(key: string): string {
  return key
}

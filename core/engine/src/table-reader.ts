/**
 * Reads tables from outside: what a store holds of them, as their operators show it. Nothing is remembered between two readers, and
 * nothing is changed.
 *
 * Not for: which state is read, that of the last checkpoint or what came after it too; that is the reader's.
 */
import type { OperatorPlan, Program, StagePlan } from "@millrace/model"
import type { StageContext } from "./context.ts"
import { chain } from "./operators/index.ts"
import { Outputs } from "./outputs.ts"
import type { StateReader } from "./ports/store.ts"
import { KeyedState } from "./state.ts"
import { StateMemory } from "./state/memory.ts"
import type { TablePlan } from "./tables-of.ts"
import type { View } from "./view.ts"

/** One partition of a table, as a reader of state has it at the time of each call. */
export class TableReader {
  readonly #view: View

  constructor(program: Program, { name, stage: id }: TablePlan, partition: number, reader: StateReader) {
    const stage = program.plan.stages.find((each) => each.id === id)
    const at = stage?.operators.findIndex((operator) => operator.name === name) ?? -1
    const operator = stage?.operators[at]
    if (stage === undefined || operator === undefined) throw new Error(`plan of ${program.plan.service}: table ${name} is missing`)
    const alone: OperatorPlan = { ...operator, from: -1, port: "out", also: [] }
    const code = program.operators.get(id)?.[at]
    const context = contextOf(program, { ...stage, operators: [alone] }, partition, reader)
    const view = chain(code === undefined ? [] : [code], context).views.get(name)
    if (view === undefined) throw new Error(`operator ${name} shows no table`)
    this.#view = view
  }

  /** Undefined: the key has no row. */
  get(key: string): unknown {
    return this.#view.stateOf?.(key)
  }

  /** In the order of the keys' UTF-8 bytes, those behind `after`. */
  rows(after?: string): Iterable<readonly [key: string, value: unknown]> {
    return this.#view.rows?.(after) ?? []
  }
}

/** A stage that has only the table, never takes a record, and keeps nothing of what it reads. */
function contextOf(program: Program, stage: StagePlan, partition: number, reader: StateReader): StageContext {
  // Rows lie in bucket 0; what else an operator keeps in others, such as what it will act on later, is nothing to a reader.
  const rowsOnly: StateReader = { ...bound(reader), buckets: () => [0] }
  return {
    program,
    plan: program.plan,
    stage,
    partition,
    state: new KeyedState(rowsOnly, partition, new StateMemory(0, 0)),
    outputs: new Outputs(),
    at: { key: "", time: 0 },
    watermark: Number.NEGATIVE_INFINITY,
    step: Number.NEGATIVE_INFINITY,
    reachedBy: () => Number.NEGATIVE_INFINITY,
    due: Number.POSITIVE_INFINITY,
    now: 0,
    effects: [],
    offset: () => 0,
    trace: () => ({}),
    cron: () => undefined,
    holds: new Set(),
    spent: () => false,
    full: () => false,
    deadLetter: () => undefined,
    late: new Map(),
    guard: () => undefined,
  }
}

function bound(reader: StateReader): Omit<StateReader, "buckets"> {
  return {
    get: (scope, partition, bucket, key) => reader.get(scope, partition, bucket, key),
    entries: (scope, partition, bucket, range) => reader.entries(scope, partition, bucket, range),
    close: () => reader.close(),
  }
}

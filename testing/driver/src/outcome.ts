/**
 * What can be seen of a service under test: its outputs, what it could not process, and what its operators keep. Looking
 * changes nothing, and what is given out is the test's own.
 *
 * Not for: making anything happen (test-service.ts).
 */
import type { DeadLetter, TimerView, View } from "@millrace/engine"
import { MillraceError, partitionOf } from "@millrace/model"
import type { Keying, Outlet, Stream, Table, Target, Task } from "@millrace/sdk"
import type { Named, Staged } from "./catalogue.ts"
import type { TestRecord } from "./log-book.ts"
import type { Seat } from "./seat.ts"
import type { Told } from "./task-calls.ts"
import { type TestRun, allRuns, testRun } from "./task-runs.ts"
import type { Turns } from "./turns.ts"
import type { Works } from "./works.ts"

/** A file that a sink has decided: these rows, and no others, under this number. */
export interface TestFile<Row> {
  readonly partition: number
  /** Number of the file within the sink and partition, from 0. */
  readonly number: number
  readonly rows: readonly Row[]
}

/** What can be seen of a service under test. */
export class Outcome {
  readonly #works: Works
  readonly #turns: Turns

  constructor(works: Works, turns: Turns) {
    this.#works = works
    this.#turns = turns
  }

  /**
   * What a stream or sink has been given, late records and dead letters not among them. Each partition is in its own
   * order; the partitions are merged by event time.
   *
   * @param of - a stream, an outlet (what `.to(…)` gave), a sink, or the name of a stream or sink
   * @throws MR1008 for one that is not the service's
   * @throws MR1101 for a flow or a table, of which nothing is kept but what it ends in
   */
  records<T>(of: Stream<never, T, Keying> | Outlet<T>): TestRecord<T>[]
  records(of: string | Target<never>): TestRecord<unknown>[]
  records(of: Named): TestRecord<unknown>[] {
    this.#turns.assertNone("records")
    return this.#works.log.records(this.#works.catalogue.streamOf(of))
  }

  /** The values of {@link records}. */
  values<T>(of: Stream<never, T, Keying> | Outlet<T>): T[]
  values(of: string | Target<never>): unknown[]
  values(of: Named): unknown[] {
    return this.records(of as string).map(({ value }) => value)
  }

  /** A run of a task, with its attempts. @throws MR1024 when there is none */
  run(id: string): TestRun {
    this.#turns.assertNone("run")
    return testRun(this.#works.run(id))
  }

  /** All runs of a task that are kept, oldest first. @throws MR1022 for a task that is not the service's */
  runs(task: Task<never, unknown>): TestRun[] {
    this.#turns.assertNone("runs")
    const tasked = this.#works.catalogue.task(task.name)
    return allRuns((before) => this.#works.runs(tasked, before))
  }

  /** What the code of tasks has told with `ctx.progress` and `ctx.stream`, in order. */
  get told(): readonly Told[] {
    return this.#works.calls.told
  }

  /**
   * The files that a file sink has decided so far, in that order. Rows that are in no file yet are in {@link records}.
   *
   * @throws MR1008 when it is no sink of the service
   */
  files<Row>(of: Outlet<Row>): TestFile<Row>[]
  files(of: string | Target<never>): TestFile<unknown>[]
  files(of: Named): TestFile<unknown>[] {
    this.#turns.assertNone("files")
    const { log, catalogue, decided } = this.#works
    const stream = catalogue.streamOf(of)
    const sunk = catalogue.sinks.find(({ sink }) => sink.stream === stream.name)
    if (sunk === undefined) throw new MillraceError("MR1008", `files: ${JSON.stringify(stream.name)} is a stream, not a file sink.`)
    return decided.flatMap(({ service, effect }) => {
      if (effect.kind !== "seal" || effect.sink !== sunk.sink.name || service !== sunk.service) return []
      const { partition, number, from, to } = effect
      return [{ partition, number, rows: log.partition(stream, partition, from, to).map(({ value }) => value) }]
    })
  }

  /**
   * What could not be processed, of a stream and all that follows from its records; of all streams when none is named.
   *
   * @throws MR1008 for a stream that is not the service's
   */
  deadLetters(of?: Stream<never, unknown, Keying> | string): DeadLetter[] {
    this.#turns.assertNone("deadLetters")
    const { catalogue } = this.#works
    const wanted = typeof of === "object" ? of.name : of
    if (wanted !== undefined) catalogue.stream(wanted)
    return catalogue.streams
      .filter(({ role, name }) => role === "dead-letter" && (wanted === undefined || name === `${wanted}.dead-letter`))
      .flatMap((stream) => this.#works.log.records(stream).map(({ value }) => value as DeadLetter))
  }

  /** How many records came too late, by the name of the operator; operators with none are not listed. */
  late(): Record<string, number> {
    this.#turns.assertNone("late")
    return Object.fromEntries([...this.#works.late].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  /**
   * The watermark of a stage in ms since 1970: in the partition of a key, or the least of all partitions. -Infinity: no
   * time is known yet; Infinity: the input has ended.
   *
   * @param of - the stream that the stage reads, or the name of an operator with state
   * @throws MR1008 when no stage reads or has it
   * @example `test.watermark(payments, "4711")`
   */
  watermark(of: Stream<never, unknown, Keying> | string, key?: string): number {
    this.#turns.assertNone("watermark")
    const name = typeof of === "string" ? of : of.name
    const seats = this.#works.catalogue.stagesAt(name).flatMap((staged) => this.#seats(staged, key))
    return Math.min(...seats.map(({ machine }) => machine.watermark))
  }

  /**
   * What an operator keeps for a key, as a copy: the state of a `process`, the open windows of a `window` as they would be emitted
   * now, the row of a table. Undefined when it keeps nothing for the key. `State` is what you know it to be; nothing checks it.
   *
   * @throws MR1101 when no operator of that name shows what it keeps by key
   * @example `assert.deepEqual(test.state("silence", "4711"), { last: 12 })`
   */
  state<State = unknown>(operator: string, key: string): State | undefined {
    const [view] = this.#views("state", operator, key).filter(({ stateOf }) => stateOf !== undefined)
    if (view === undefined) throw this.#works.catalogue.noView("state", operator, "state by key")
    return view.stateOf?.(key) as State | undefined
  }

  /**
   * The timers that an operator has set, of all keys or of one, in the order of their times.
   *
   * @throws MR1101 when no operator of that name has timers
   */
  timers(operator: string, key?: string): TimerView[] {
    const views = this.#views("timers", operator, key)
    if (!views.some(({ timers }) => timers !== undefined)) throw this.#works.catalogue.noView("timers", operator, "timers")
    const timers = views.flatMap((view) => [...(view.timers?.() ?? [])])
    return timers
      .filter((timer) => key === undefined || timer.key === key)
      .toSorted((a, b) => a.time - b.time || (a.key < b.key ? -1 : Number(a.key > b.key)))
  }

  /**
   * The rows of a table, by key, in the order of their keys: of a table that a named operator makes (`toTable`, `reduce`, `aggregate`,
   * `topN`, `join`), or of a broadcast's state.
   *
   * @param of - the table, or the name of its operator
   * @throws MR1101 when it is none, or one that is computed from another (`map`, `filter`) and not kept
   * @example `assert.equal(test.table(balances).get("4711")?.total, 12)`
   */
  table<Row>(of: Table<Row>): Map<string, Row>
  table(of: string): Map<string, unknown>
  table(of: string | Table<unknown>): Map<string, unknown> {
    const name = typeof of === "string" ? of : nameOf(of)
    const views = this.#views("table", name, undefined)
    if (!views.some(({ rows }) => rows !== undefined)) throw this.#works.catalogue.noView("table", name, "the rows of a table")
    const rows = views.flatMap((view) => [...(view.rows?.() ?? [])])
    return new Map(rows.toSorted(([a], [b]) => (a < b ? -1 : 1)))
  }

  #views(what: string, operator: string, key: string | undefined): View[] {
    this.#turns.assertNone(what)
    const staged = this.#works.catalogue.stageWith(operator)
    return staged === undefined ? [] : this.#seats(staged, key).flatMap(({ machine }) => machine.view(operator) ?? [])
  }

  #seats({ program, stage }: Staged, key: string | undefined): Seat[] {
    const partition = key === undefined ? undefined : partitionOf(key, stage.partitions)
    return this.#works.seats.filter((seat) => {
      return seat.service === program.plan.service && seat.stage === stage && (partition ?? seat.partition) === seat.partition
    })
  }
}

function nameOf(table: Table<unknown>): string {
  const { definition } = table["~table"]
  if (definition.kind === "stateful") return definition.name
  const message =
    "table: this one is computed from another, by map or filter, and not kept. Look at the table that it is made from, or send its changes() to a stream."
  throw new MillraceError("MR1101", message)
}

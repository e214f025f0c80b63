/** The runs of a task by their numbers, from their enqueue until their retention is over. */
import { limits } from "@millrace/model"
import { flagCodec } from "../operators/flag-codec.ts"
import { type KeyedState, type Scope, rowNumber } from "../state.ts"
import { inputCodec } from "./input-codec.ts"
import { numbersCodec } from "./numbers-codec.ts"
import { runCodec } from "./run-codec.ts"
import type { Run } from "./run.ts"

/** Runs lie in blocks of so many numbers, which go as a whole when the retention of all of them is over. */
export const runsPerBlock = 1_000

export function blockOf(number: number): number {
  return Math.floor(number / runsPerBlock)
}

/** What came of looking after a block: it is in use, is to be looked at again, or is gone with what its runs had. */
export type Tidied = { readonly kind: "busy" } | { readonly kind: "later"; readonly at: number } | { readonly kind: "gone"; readonly values: readonly string[] }

export class Runs {
  readonly #runs: Scope<Run>
  /** Long inputs: a run is written two or three times, and they once. */
  readonly #inputs: Scope<string>
  /** Of each block: runs that have not ended, when the newest ended, whether a timer is set for it. */
  readonly #blocks: Scope<readonly number[]>
  readonly #failed: Scope<true>

  constructor(state: KeyedState, scope: string) {
    this.#runs = state.scope(`${scope}@runs`, runCodec)
    this.#inputs = state.scope(`${scope}@inputs`, inputCodec)
    this.#blocks = state.scope(`${scope}@blocks`, numbersCodec)
    this.#failed = state.scope(`${scope}@failed`, flagCodec)
  }

  /** A run, to be read only. */
  get(number: number): Run | undefined {
    const block = blockOf(number)
    return this.#runs.has(block) ? this.#runs.get(this.#runs.bucket(block), rowNumber(number))?.value : undefined
  }

  /** A run that is there, to be changed. */
  change(number: number): Run {
    return this.#runs.change(this.#runs.bucket(blockOf(number)), rowNumber(number), noRun).value as Run
  }

  add(number: number, run: Run, input: string): void {
    this.#runs.change(this.#runs.bucket(blockOf(number)), rowNumber(number), () => run)
    this.setInput(number, run, input)
  }

  /** The JSON of a run's input. */
  inputOf(number: number, { input }: Run): string {
    if (input !== "") return input
    const beside = this.#inputs.get(this.#inputs.bucket(blockOf(number)), rowNumber(number))?.value
    if (beside === undefined) throw new Error(`task queue: the input of run ${number} is not there`)
    return beside
  }

  /** As `inputOf`, for one of many that are looked through: it does not come into memory. */
  inputSeen(number: number, { input }: Run): string {
    if (input !== "") return input
    const row = rowNumber(number)
    for (const { key, value } of this.#inputs.entries(this.#inputs.bucket(blockOf(number)), number === 0 ? undefined : rowNumber(number - 1))) {
      if (key === row) return value
      break
    }
    throw new Error(`task queue: the input of run ${number} is not there`)
  }

  /** @param run - to be changed */
  setInput(number: number, run: Run, input: string): void {
    const isLong = input.length > limits.runInputLengthMax
    if (isLong) this.#inputs.change(this.#inputs.bucket(blockOf(number)), rowNumber(number), () => input).value = input
    else if (run.input === "") this.#inputs.remove(this.#inputs.bucket(blockOf(number)), rowNumber(number))
    run.input = isLong ? "" : input
  }

  /** Blocks of runs, newest first. */
  blocks(): number[] {
    return [...this.#runs.ids()].toSorted((a, b) => b - a)
  }

  /** Runs of a block, oldest first; to be read only. */
  *of(block: number): Iterable<readonly [number: number, run: Run]> {
    for (const { key, value } of this.#runs.entries(this.#runs.bucket(block))) yield [Number.parseInt(key, 36), value]
  }

  /** Rows of runs that have ended without success. @param after - only those behind this row */
  *failed(after?: string): Iterable<string> {
    for (const { key } of this.#failed.entries(this.#failed.bucket(0), after)) yield key
  }

  noteFailed(number: number): void {
    this.#failed.change(this.#failed.bucket(0), rowNumber(number), () => true)
  }

  forgetFailed(number: number): void {
    this.#failed.remove(this.#failed.bucket(0), rowNumber(number))
  }

  /** Whether a block has runs that have not ended. */
  isLive(block: number): boolean {
    const [live = 0] = this.#blocks.get(this.#blocks.bucket(0), rowNumber(block))?.value ?? []
    return live > 0
  }

  /** Counts the runs of a block that have not ended. True: all have, and it is to be looked after when their retention is over. */
  live(number: number, by: 1 | -1, now: number): boolean {
    const cell = this.#blocks.change(this.#blocks.bucket(0), rowNumber(blockOf(number)), () => [0, 0, 0])
    const [live = 0, newest = 0, timed = 0] = cell.value as readonly number[]
    const left = live + by
    const ends = left === 0 && timed === 0
    cell.value = [left, by < 0 ? now : newest, ends ? 1 : timed]
    return ends
  }

  tidy(block: number, now: number, retentionMs: number): Tidied {
    const name = rowNumber(block)
    const blocks = this.#blocks.bucket(0)
    const [live = 0, newest = 0] = this.#blocks.get(blocks, name)?.value ?? []
    const overAt = newest + retentionMs
    if (live > 0) {
      this.#blocks.change(blocks, name, () => []).value = [live, newest, 0]
      return { kind: "busy" }
    }
    if (overAt > now) return { kind: "later", at: overAt }
    this.#blocks.remove(blocks, name)
    const values: string[] = []
    for (const [number, { status, input, output }] of this.of(block)) {
      if (status !== "succeeded") this.forgetFailed(number)
      values.push(input)
      if (output !== undefined) values.push(output)
    }
    this.#runs.drop(this.#runs.bucket(block))
    if (this.#inputs.has(block)) this.#inputs.drop(this.#inputs.bucket(block))
    return { kind: "gone", values }
  }
}

function noRun(): never {
  throw new Error("task queue: a run that was there is not")
}

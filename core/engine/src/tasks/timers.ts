/** What a task has to do when the clock comes to a time: rows in the order of their times. */
import { rowNumber } from "../state.ts"
import type { KeyedState } from "../state.ts"
import { OrderedRows } from "./ordered-rows.ts"

/** What timers are for: a letter after the time in their rows. */
export const timer = { start: "s", expire: "x", giveUp: "u", key: "k", gate: "g", forget: "f", block: "b" } as const

/** Rows lie in buckets of this many ms. */
const sliceMs = 1_000
const timeDigits = rowNumber(0).length

export class Timers {
  readonly #rows: OrderedRows

  constructor(state: KeyedState, name: string) {
    this.#rows = new OrderedRows(state, name)
  }

  /** After a rollback. */
  reload(): void {
    this.#rows.reload()
  }

  /** Clock time of the first, in ms; Infinity: there is none. */
  get due(): number {
    const { first } = this.#rows
    return first === undefined ? Number.POSITIVE_INFINITY : timeOf(first)
  }

  set(at: number, kind: string, subject: string): void {
    const whole = Math.max(0, Math.ceil(at))
    this.#rows.add(sliceOf(whole), rowNumber(whole) + kind + subject)
  }

  unset(at: number, kind: string, subject: string): void {
    const whole = Math.max(0, Math.ceil(at))
    this.#rows.remove(sliceOf(whole), rowNumber(whole) + kind + subject)
  }

  /** Takes out the first row that is due. */
  take(now: number): string | undefined {
    const { first } = this.#rows
    if (first === undefined || timeOf(first) > now) return undefined
    this.#rows.takeFirst()
    return first
  }
}

export function kindOf(row: string): string {
  return row.charAt(timeDigits)
}

export function subjectOf(row: string): string {
  return row.slice(timeDigits + 1)
}

function sliceOf(at: number): number {
  return Math.floor(at / sliceMs) * sliceMs
}

function timeOf(row: string): number {
  return Number.parseInt(row.slice(0, timeDigits), 36)
}

/**
 * The calls of asynchronous functions that a service under test wants made: made here, in this process, for real. Their timeouts and repeats
 * are the engine's, by the test's clock. What a crash finds under way comes to nothing and is made again.
 */
import { type Caller, type CallOutcome, type Transaction, asyncCodeOf, outcomeOf } from "@millrace/engine"
import { MillraceError } from "@millrace/model"
import type { Seat } from "./seat.ts"
import { Patience } from "./stillness.ts"
import { asOperator } from "./task-calls.ts"

interface Open {
  readonly seat: Seat
  readonly operator: string
  readonly controller: AbortController
  outcome: CallOutcome | undefined
  readonly done: Promise<void>
}

/** What has come of calls of one operator. */
export interface Answered {
  readonly seat: Seat
  readonly operator: string
  readonly outcomes: readonly CallOutcome[]
}

export class AsyncCalls {
  /** By seat, operator, number and attempt. */
  readonly #open: Map<string, Open> = new Map()
  /** Calls that did not end while they were waited for: they are not waited for again. */
  readonly #patient: Set<Open> = new Set()
  /** Functions that were opened: what they remember goes with a crash. */
  readonly #callers: Map<string, Caller> = new Map()
  readonly #patienceMs: number
  readonly #onEnded: () => void

  /** @param onEnded - told of each call that has ended */
  constructor(patienceMs: number, onEnded: () => void) {
    this.#patienceMs = patienceMs
    this.#onEnded = onEnded
  }

  take(seat: Seat, { calls, cancelled }: Transaction, now: number): void {
    const { program, stage, partition } = seat
    const prefix = `${program.plan.service}\n${stage.id}\n`
    for (const { operator, number, attempt } of cancelled) {
      const name = `${prefix}${partition}\n${operator}\n${number}\n${attempt}`
      const open = this.#open.get(name)
      this.#open.delete(name)
      open?.controller.abort(new MillraceError("MR1202", `operator "${operator}": the time for the call is over.`))
    }
    for (const call of calls) {
      const { operator, number, attempt, key, time } = call
      const code = asyncCodeOf(program, stage.id, operator)
      const caller = this.#callers.get(prefix + operator) ?? (code.open() as Caller)
      this.#callers.set(prefix + operator, caller)
      const controller = new AbortController()
      const open: Open = {
        seat,
        operator,
        controller,
        outcome: undefined,
        done: asOperator(operator, async () => outcomeOf(call, code, caller, { key, time, attempt, now, signal: controller.signal })).then((outcome) => {
          open.outcome = outcome
          this.#onEnded()
        }),
      }
      this.#open.set(`${prefix}${partition}\n${operator}\n${number}\n${attempt}`, open)
    }
  }

  /** What has come of calls by now, of one operator; what code does at once, it has done by then. */
  async answered(): Promise<Answered | undefined> {
    if (this.#open.size === 0) return undefined
    await new Promise((resolve) => setImmediate(resolve))
    let first: Open | undefined
    const outcomes: CallOutcome[] = []
    for (const [name, open] of this.#open) {
      const { outcome, seat, operator } = open
      if (outcome === undefined || (first !== undefined && (first.seat !== seat || first.operator !== operator))) continue
      first = open
      outcomes.push(outcome)
      this.#open.delete(name)
    }
    return first === undefined ? undefined : { seat: first.seat, operator: first.operator, outcomes }
  }

  /** Waits until a call has ended; false: none will, or not soon. */
  async ends(): Promise<boolean> {
    const waiting = [...this.#open.values()].filter((open) => !this.#patient.has(open))
    if (waiting.length === 0) return false
    const patience = new Patience(this.#patienceMs)
    const first = await Promise.race([patience.over.then(() => "late"), ...waiting.map(({ done }) => done)])
    patience.end()
    if (first !== "late") return true
    for (const open of waiting) if (open.outcome === undefined) this.#patient.add(open)
    return waiting.some(({ outcome }) => outcome !== undefined)
  }

  /** The process has died. */
  crash(): void {
    for (const { controller } of this.#open.values()) controller.abort(new MillraceError("MR1204", "The process died."))
    this.#open.clear()
    this.#patient.clear()
    this.#callers.clear()
  }
}

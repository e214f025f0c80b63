/**
 * How the timed operators of a stage act, time by time, as its watermark moves.
 *
 * T3  The watermark advances record by record; what is due acts before the next record is looked at.
 * T4  Timers and windows act in the order of their times; at one time, upstream operators first.
 * T21 A step may be cut: what is left of it is remembered, and the next transaction goes on there.
 */
import type { StageContext, TimedOperator } from "./context.ts"
import type { Progress } from "./stage-progress.ts"

export class Steps {
  readonly #context: StageContext
  /** In the order of the stage's operators. */
  timed: ReadonlyArray<{ readonly name: string; readonly operator: TimedOperator }> = []
  /** See `Progress.step`. */
  step: Progress["step"]

  constructor(context: StageContext, step: Progress["step"]) {
    this.#context = context
    this.step = step
  }

  /**
   * T3, T4: acts on all that is due up to a watermark, time by time.
   *
   * T21: false when the transaction is full before that. The watermark is then that of the last whole step, so that the same call
   * goes on where this one ended, in this process or another.
   */
  advance(watermark: number): boolean {
    const context = this.#context
    const { timed } = this
    for (;;) {
      let step = Number.POSITIVE_INFINITY
      for (const { operator } of timed) if (operator.due < step) step = operator.due
      if (step > watermark || step === Number.POSITIVE_INFINITY) break
      // A timer set in the past belongs to the step in which it was set, also when that is gone on with later.
      step = Math.max(step, context.watermark, this.step?.[0] ?? Number.NEGATIVE_INFINITY)
      context.step = step
      for (const [i, { operator }] of timed.entries()) {
        if (operator.due > step) continue
        operator.advance(step)
        if (operator.due <= step) return this.#pause([step, timed.slice(0, i).map(({ name }) => name)])
      }
      this.step = undefined
      // A step below the watermark (a timer set in the past) must not take it back.
      if (step > context.watermark) context.watermark = step
      if (context.full() && timed.some(({ operator }) => operator.due <= watermark)) return this.#pause(undefined)
    }
    context.step = Number.NEGATIVE_INFINITY
    this.settle()
    return true
  }

  /** The watermark up to which an operator has done what was due. */
  reachedBy(operator: string): number {
    const { watermark } = this.#context
    if (this.step === undefined) return watermark
    const [time, operators] = this.step
    // What was due before the step has been done by all.
    return Math.max(watermark, operators.includes(operator) ? time : time - 1)
  }

  #pause(step: Progress["step"]): false {
    this.step = step
    this.#context.step = Number.NEGATIVE_INFINITY
    this.settle()
    return false
  }

  /** No timed operator acts before this. */
  settle(): void {
    const context = this.#context
    context.due = Number.POSITIVE_INFINITY
    for (const { operator } of this.timed) if (operator.due < context.due) context.due = operator.due
  }
}

/**
 * Processing time, as windows see it: the clock as last told, but never before what it has closed already, so that a clock which
 * is set back opens no window anew.
 */
import type { StageContext } from "../context.ts"
import type { Scope } from "../state.ts"
import { timeCodec } from "./time-codec.ts"

/**
 * The watermark that a window by the clock waits for: only the end of the input brings it. Then nothing more can come, and the
 * window closes without waiting for its time.
 */
export const endOfInput: number = Number.MAX_VALUE

export class WindowClock {
  readonly #context: StageContext
  readonly #scope: Scope<number>
  /** The time up to which windows were closed, in ms. */
  passed: number = Number.NEGATIVE_INFINITY

  /** @param scope - name of what is kept */
  constructor(context: StageContext, scope: string) {
    this.#context = context
    this.#scope = context.state.scope(scope, timeCodec)
    this.reload()
  }

  get now(): number {
    const { now } = this.#context
    return now > this.passed ? now : this.passed
  }

  /** What is due at a time of the clock is being done. */
  pass(time: number): void {
    if (!(time > this.passed)) return
    this.passed = time
    this.#scope.change(this.#scope.bucket(0), "passed", () => time).value = time
  }

  /** The event time of a result of the clock's: as the clock has it, unless event time is ahead, so that it is late for nobody behind. */
  eventTime(time: number): number {
    const { watermark } = this.#context
    return watermark > time && watermark < Number.POSITIVE_INFINITY ? watermark : time
  }

  /** After a rollback. */
  reload(): void {
    this.passed = this.#scope.get(this.#scope.bucket(0), "passed")?.value ?? Number.NEGATIVE_INFINITY
  }
}

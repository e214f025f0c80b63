/**
 * Processing time, as windows see it: the clock as last told, but never before what it has closed already, so that a clock which
 * is set back opens no window anew.
 */
import { readValue, writeValue } from "@millrace/model"
import type { StageContext } from "../context.ts"
import type { Scope, StateCodec } from "../state.ts"

const numberCodec: StateCodec<number> = {
  write: (to, value) => writeValue(to, value),
  read: (from) => readValue(from) as number,
  copy: (value) => value,
}

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
    this.#scope = context.state.scope(scope, numberCodec)
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

  /** After a rollback. */
  reload(): void {
    this.passed = this.#scope.get(this.#scope.bucket(0), "passed")?.value ?? Number.NEGATIVE_INFINITY
  }
}

/**
 * The event time of a result that the clock has given: the clock's own, unless event time is ahead of it, so that it is late for
 * nobody behind.
 */
export function clockedTime(time: number, { watermark }: StageContext): number {
  return watermark > time && watermark < Number.POSITIVE_INFINITY ? watermark : time
}

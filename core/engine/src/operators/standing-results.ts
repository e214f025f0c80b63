/**
 * What was given of sessions and may have to be taken back: a copy of each result, as long as its session is kept. The retraction comes
 * right before the result that takes its place, so a reader who folds by key and bounds is never without one for long, and never has
 * two.
 *
 * Invariants W25 and W29 of docs/specs/windows.md.
 */
import { type KeyedState, rowKey, rowTime, type Scope } from "../state.ts"
import type { Accumulation, Accumulator } from "./accumulation.ts"

/** The times of a session's earliest and latest record, in its accumulator. */
export const first = 0
export const last = 1

export class StandingResults {
  readonly #accumulation: Accumulation
  /** By the session's first record. */
  readonly #results: Scope<Accumulator>

  /** @param scope - name of what is kept */
  constructor(state: KeyedState, scope: string, accumulation: Accumulation) {
    this.#accumulation = accumulation
    this.#results = state.rows(scope, accumulation.codec)
  }

  /** A session's result takes the place of those that it has become of: returns what does not hold any more, the oldest first. */
  replace(key: string, session: Accumulator): readonly Accumulator[] {
    const results = this.#results
    const bucket = results.bucket(0)
    const before = this.#of(key, session).filter(([, result]) => result[first] !== session[first] || result[last] !== session[last])
    for (const [name] of before) results.remove(bucket, name)
    const name = rowKey(key, rowTime(session[first] as number))
    results.change(bucket, name, this.#accumulation.init).value = this.#accumulation.copy(session)
    return before.map(([, result]) => result)
  }

  /** A session is over: what was given of it is not taken back any more. */
  drop(key: string, session: Accumulator): void {
    for (const [name] of this.#of(key, session)) this.#results.remove(this.#results.bucket(0), name)
  }

  /** What was given of a session, and of those that it has become of. */
  #of(key: string, session: Accumulator): (readonly [name: string, result: Accumulator])[] {
    return this.#results
      .group(this.#results.bucket(0), key)
      .map((cell) => [cell.key, cell.value as Accumulator] as const)
      .filter(([, result]) => (result[last] as number) >= (session[first] as number) && (result[first] as number) <= (session[last] as number))
  }
}

/**
 * Early results: which windows have changed since they last gave one, by their names, each with its start, and when they give the next.
 * Times are multiples of the interval, of the window's own kind of time; a window that has not changed gives none.
 *
 * A window is noted once per interval: the operator keeps in its accumulator for when, so that further records cost nothing here.
 */
import type { StageContext } from "../context.ts"
import { DueNames } from "./due-names.ts"
import { timeCodec } from "./time-codec.ts"

export class Early extends DueNames<number> {
  readonly #everyMs: number

  /** @param scope - name of what is kept */
  constructor(everyMs: number, context: StageContext, scope: string) {
    super(context, scope, timeCodec)
    this.#everyMs = everyMs
  }

  /** When a window that changes gives its next one: at the first multiple after `reached`, or after `time` where nothing has been reached. */
  after(reached: number, time: number): number {
    const from = reached === Number.NEGATIVE_INFINITY ? time : reached
    return (Math.floor(from / this.#everyMs) + 1) * this.#everyMs
  }
}

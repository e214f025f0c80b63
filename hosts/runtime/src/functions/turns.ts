/** Who waits for an instance while the node has no room for one more: first come, first served, up to a bound and a time. */
import type { FunctionClock } from "./clock.ts"

export class Turns {
  readonly #clock: FunctionClock
  readonly #most: number
  readonly #lengthMost: number
  readonly #waiting: Set<(mine: boolean) => void> = new Set()
  /** Characters of what they wait with. */
  #length = 0

  constructor(clock: FunctionClock, most: number, lengthMost: number) {
    this.#clock = clock
    this.#most = most
    this.#lengthMost = lengthMost
  }

  get size(): number {
    return this.#waiting.size
  }

  /**
   * Resolves to true when it is one's turn to try, to false when that takes longer than until this time on the clock, when the signal is
   * aborted, or when too many wait already, or with too much.
   *
   * @param length - characters that wait with it
   */
  next(until: number, signal: AbortSignal | undefined, length: number): Promise<boolean> {
    const ms = until - this.#clock.now()
    if (ms <= 0 || this.#waiting.size >= this.#most || this.#length + length > this.#lengthMost || signal?.aborted === true) return Promise.resolve(false)
    return new Promise((resolve) => {
      const end = (mine: boolean): void => {
        if (this.#waiting.delete(end)) this.#length -= length
        cancel()
        signal?.removeEventListener("abort", onAbort)
        resolve(mine)
      }
      const onAbort = (): void => end(false)
      const cancel = this.#clock.after(ms, onAbort)
      signal?.addEventListener("abort", onAbort, { once: true })
      this.#waiting.add(end)
      this.#length += length
    })
  }

  /** Something has become free: whoever waits for longest may try. */
  one(): void {
    const [first] = this.#waiting
    first?.(true)
  }

  /** Nobody waits any more. */
  close(): void {
    for (const end of this.#waiting) end(false)
  }
}

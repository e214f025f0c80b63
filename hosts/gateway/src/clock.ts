/** Time as the gateway needs it: a test moves it by hand. */
export interface Clock {
  /** Milliseconds of a clock that never goes back. */
  now(): number
  /**
   * Calls `act` once after so many milliseconds, unless the returned function is called before. Does not keep the
   * process alive.
   */
  after(ms: number, act: () => void): () => void
}

/** The clock of the process. */
export const processClock: Clock = {
  now: () => performance.now(),
  after(ms, act) {
    const timer = setTimeout(act, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

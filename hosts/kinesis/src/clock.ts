/** Time as the API needs it: a test moves it by hand. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls `act` once after so many milliseconds, unless the returned function is called before. */
  after(ms: number, act: () => void): () => void
}

/** The clock of the process. */
export const processClock: Clock = {
  now: () => Date.now(),
  after(ms, act) {
    const timer = setTimeout(act, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Time as functions need it: a test moves it by hand. */
export interface FunctionClock {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls `act` once after so many milliseconds, unless the returned function is called before. Does not keep the process alive. */
  after(ms: number, act: () => void): () => void
}

/** A clock whose timers are the process's, and whose time is given. */
export function functionClock(now: () => number): FunctionClock {
  return {
    now,
    after(ms, act) {
      const timer = setTimeout(act, ms)
      timer.unref()
      return () => clearTimeout(timer)
    },
  }
}

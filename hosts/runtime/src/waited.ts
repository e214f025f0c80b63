/** Waiting that a clock and a signal end. */
import type { FunctionClock } from "./functions/clock.ts"

/** Resolves after a while, or when the signal is aborted. */
export function waited(clock: FunctionClock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel()
      signal.removeEventListener("abort", end)
      resolve()
    }
    const cancel = clock.after(ms, end)
    if (signal.aborted) end()
    else signal.addEventListener("abort", end)
  })
}

// Time that a test moves.
import type { FunctionClock } from "../src/functions/clock.ts"

/** A clock that stands still until a test moves it. */
export class ManualClock implements FunctionClock {
  #now = Date.UTC(2026, 0, 1)
  readonly #alarms: Set<{ readonly at: number; readonly act: () => void }> = new Set()

  now(): number {
    return this.#now
  }

  after(ms: number, act: () => void): () => void {
    const alarm = { at: this.#now + ms, act }
    this.#alarms.add(alarm)
    return () => this.#alarms.delete(alarm)
  }

  /** Lets time pass up to the next alarm within `ms`; gives how much has passed. */
  step(ms: number): number {
    let next: { readonly at: number; readonly act: () => void } | undefined
    for (const alarm of this.#alarms) if (alarm.at <= this.#now + ms && alarm.at < (next?.at ?? Number.POSITIVE_INFINITY)) next = alarm
    const passed = next === undefined ? ms : Math.max(0, next.at - this.#now)
    this.#now += passed
    if (next !== undefined) {
      this.#alarms.delete(next)
      next.act()
    }
    return passed
  }
}

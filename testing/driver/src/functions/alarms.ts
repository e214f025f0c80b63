/** Timers on the test's clock: they go off when the test moves it. */
import type { FunctionClock } from "@millrace/runtime/feeding"

interface Alarm {
  readonly at: number
  readonly act: () => void
}

export class Alarms implements FunctionClock {
  readonly #now: () => number
  #alarms: Set<Alarm> = new Set()

  constructor(now: () => number) {
    this.#now = now
  }

  now(): number {
    return this.#now()
  }

  after(ms: number, act: () => void): () => void {
    const alarm = { at: this.#now() + ms, act }
    this.#alarms.add(alarm)
    return () => this.#alarms.delete(alarm)
  }

  /** When the next one goes off; Infinity: there is none. */
  get dueAt(): number {
    let at = Number.POSITIVE_INFINITY
    for (const alarm of this.#alarms) at = Math.min(at, alarm.at)
    return at
  }

  /** Lets go off what is due. */
  ring(): void {
    const due = [...this.#alarms].filter(({ at }) => at <= this.#now()).toSorted((a, b) => a.at - b.at)
    for (const alarm of due) if (this.#alarms.delete(alarm)) alarm.act()
  }

  /** The process has died. */
  crash(): void {
    this.#alarms = new Set()
  }
}

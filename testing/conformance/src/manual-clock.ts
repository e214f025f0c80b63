/** A clock that stands still until a test moves it: it fits the clocks that front doors and functions take. */

interface Alarm {
  readonly at: number
  readonly act: () => void
}

export class ManualClock {
  #now: number
  #alarms: Alarm[] = []

  /** @param now - ms since 1970 */
  constructor(now: number = 0) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  after(ms: number, act: () => void): () => void {
    const alarm = { at: this.#now + ms, act }
    this.#alarms.push(alarm)
    return () => {
      this.#alarms = this.#alarms.filter((each) => each !== alarm)
    }
  }

  /** Alarms that have not gone off. */
  get waiting(): number {
    return this.#alarms.length
  }

  /** Lets time pass, and alarms go off at their times. */
  advance(ms: number): void {
    for (const until = this.#now + ms; this.#now < until || this.#first(until) !== undefined; ) this.step(until - this.#now)
  }

  /** Lets time pass up to the next alarm within `ms`; gives how much has passed. */
  step(ms: number): number {
    const from = this.#now
    const next = this.#first(from + ms)
    this.#now = next === undefined ? from + ms : Math.max(from, next.at)
    if (next !== undefined) {
      this.#alarms = this.#alarms.filter((each) => each !== next)
      next.act()
    }
    return this.#now - from
  }

  /** The first alarm by a time; of several at once, the one that was set first. */
  #first(by: number): Alarm | undefined {
    let first: Alarm | undefined
    for (const alarm of this.#alarms) if (alarm.at <= by && alarm.at < (first?.at ?? Number.POSITIVE_INFINITY)) first = alarm
    return first
  }
}

/** A clock that stands still until a test moves it: it fits the clocks that front doors take. */

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

  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const [next] = this.#alarms.filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#alarms = this.#alarms.filter((each) => each !== next)
      this.#now = Math.max(this.#now, next.at)
      next.act()
    }
    this.#now = until
  }
}

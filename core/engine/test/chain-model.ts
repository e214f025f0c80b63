/**
 * Two windows in one stage, one behind the other, with functions that throw before, between and behind them, in the
 * plainest way: every window keeps all that it was given and sums it up anew for each result, and whatever may throw
 * works on a copy of everything.
 */
type Fault = "none" | "flatMap" | "map" | "filter" | "add" | "late"

export interface Event {
  readonly k: string
  /** Event time in ms. */
  readonly t: number
  readonly v: number
  readonly fault: Fault
}

export interface ChainRule {
  readonly outOfOrder: number
  readonly first: { readonly size: number; readonly lateness: number }
  readonly second: { readonly size: number; readonly lateness: number }
}

interface Result {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly n: number
  readonly sum: number
}

export interface Outcome {
  readonly first: Result[]
  readonly second: Result[]
  readonly late: Event[]
  readonly counts: Record<string, number>
  /** Where it failed, the key and the event time of what failed. */
  readonly dead: string[]
}

/** Sums with which the user's functions throw. */
export const failsInResult = (sum: number): boolean => sum % 7 === 3
export const failsAfterFirst = (sum: number): boolean => sum % 5 === 2
export const failsAfterSecond = (sum: number): boolean => sum % 3 === 1

interface Held {
  readonly key: string
  readonly start: number
  readonly v: number
}

class Window {
  readonly name: string
  readonly size: number
  readonly lateness: number
  held: Held[] = []
  /** Windows that have given their result. */
  emitted = new Set<number>()

  constructor(name: string, size: number, lateness: number) {
    this.name = name
    this.size = size
    this.lateness = lateness
  }

  get starts(): number[] {
    return [...new Set(this.held.map(({ start }) => start))].toSorted((a, b) => a - b)
  }

  get due(): number {
    return Math.min(...this.starts.filter((start) => !this.emitted.has(start)).map((start) => start + this.size))
  }

  keys(start: number): string[] {
    return [...new Set(this.held.filter((held) => held.start === start).map(({ key }) => key))].toSorted()
  }

  result(start: number, key: string): Result {
    const within = this.held.filter((held) => held.start === start && held.key === key)
    return { key, start, end: start + this.size, n: within.length, sum: within.reduce((sum, { v }) => sum + v, 0) }
  }
}

export class Chain {
  #first: Window
  #second: Window
  #watermark = -Infinity
  #highest = -Infinity
  #outcome: Outcome = { first: [], second: [], late: [], counts: {}, dead: [] }

  constructor(rule: ChainRule) {
    this.#first = new Window("w1", rule.first.size, rule.first.lateness)
    this.#second = new Window("w2", rule.second.size, rule.second.lateness)
  }

  static outcome(rule: ChainRule, events: readonly Event[]): Outcome {
    const chain = new Chain(rule)
    for (const event of events) {
      chain.#highest = Math.max(chain.#highest, event.t)
      chain.#move(chain.#highest - rule.outOfOrder)
      chain.#attempt("in", event.k, event.t, () => chain.#take(event))
    }
    chain.#move(Infinity)
    return chain.#outcome
  }

  #take(event: Event): void {
    if (["flatMap", "map", "filter"].includes(event.fault)) throw new Error(event.fault)
    const taken = this.#arrive(this.#first, event.k, event.t, event.v, () => {
      if (event.fault === "add") throw new Error("add")
    })
    if (taken) return
    if (event.fault === "late") throw new Error("late")
    this.#outcome.late.push(event)
  }

  /** Gives a value to a window; false when it is too late. */
  #arrive(window: Window, key: string, t: number, v: number, add: () => void): boolean {
    const start = Math.floor(t / window.size) * window.size
    const end = start + window.size
    if (end + window.lateness <= this.#watermark) {
      this.#outcome.counts[window.name] = (this.#outcome.counts[window.name] ?? 0) + 1
      return false
    }
    window.held.push({ key, start, v })
    add()
    if (end <= this.#watermark) {
      window.emitted.add(start)
      this.#emit(window, start, key)
    }
    return true
  }

  #emit(window: Window, start: number, key: string): void {
    const result = window.result(start, key)
    this.#attempt(window.name, key, result.end - 1, () => {
      if (window.name === "w1") {
        if (failsInResult(result.sum) || failsAfterFirst(result.sum)) throw new Error("after w1")
        this.#outcome.first.push(result)
        this.#arrive(this.#second, key, result.end - 1, result.sum, () => undefined)
      } else {
        if (failsAfterSecond(result.sum)) throw new Error("after w2")
        this.#outcome.second.push(result)
      }
    })
  }

  #move(to: number): void {
    if (to <= this.#watermark) return
    for (;;) {
      const step = Math.min(this.#first.due, this.#second.due)
      if (step > to || step === Infinity) break
      for (const at of [0, 1]) {
        // Read anew: an attempt that failed has put copies in their place.
        const window = (): Window => (at === 0 ? this.#first : this.#second)
        for (const start of window().starts) {
          if (window().emitted.has(start) || start + window().size > step) continue
          window().emitted.add(start)
          for (const key of window().keys(start)) this.#emit(window(), start, key)
        }
      }
      this.#watermark = Math.max(this.#watermark, step)
    }
    this.#watermark = to
  }

  #attempt(where: string, key: string, time: number, run: () => void): void {
    const before = structuredClone([
      this.#outcome,
      this.#first.held,
      this.#first.emitted,
      this.#second.held,
      this.#second.emitted,
    ] as const)
    try {
      run()
    } catch {
      ;[this.#outcome, this.#first.held, this.#first.emitted, this.#second.held, this.#second.emitted] = before
      this.#outcome.dead.push(`${where} ${key} ${time}`)
    }
  }
}

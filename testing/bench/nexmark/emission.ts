/**
 * In which order events arrive: groups that change places (the generator's own `outOfOrderGroup`), stragglers that come
 * long after their time, and duplicates. An event's content never depends on when or how often it arrives.
 *
 * M1  Every event arrives once, and each that repeats once more.
 * M2  The sequence is a pure function of the options: the same again and again.
 */
import type { NexmarkEvent } from "./events.ts"
import { Generator, type GeneratorOptions } from "./generator.ts"
import { EventRandom } from "./random.ts"

/** Events chosen at random and how much later they arrive. */
export interface Delayed {
  /** Which share of all events, 0 to 1. */
  readonly share: number
  /** How many events later. */
  readonly by: number
}

export interface EmissionOptions extends GeneratorOptions {
  /** How many events there are, duplicates not counted. */
  readonly events: number
  /** Events that arrive late. @default none */
  readonly stragglers?: Delayed
  /** Events that arrive a second time. @default none */
  readonly duplicates?: Delayed
}

/** A run as `into` generators share it: ids of their own, the same span of event time. The last one takes the rest. */
export function split(options: EmissionOptions, into: number): EmissionOptions[] {
  const { events, firstEventId = 1 } = options
  const each = Math.floor(events / into)
  return Array.from({ length: into }, (_, i) => ({
    ...options,
    events: i === into - 1 ? events - i * each : each,
    firstEventId: firstEventId + i * each,
    generators: into,
  }))
}

const none: Delayed = { share: 0, by: 0 }

/** Hands out the events of a run in the order of their arrival. */
export class Emission {
  readonly #generator: Generator
  readonly #events: number
  readonly #stragglers: Delayed
  readonly #duplicates: Delayed
  readonly #straggles: EventRandom
  readonly #repeats: EventRandom
  readonly #steps: number
  readonly #plain: boolean
  #step = 0
  /** Numbers that arrive in the step in hand, the next one last. */
  readonly #arriving: number[] = []

  constructor(options: EmissionOptions) {
    const { seed = 1, events, stragglers = none, duplicates = none } = options
    this.#generator = new Generator(options)
    this.#events = events
    this.#stragglers = stragglers
    this.#duplicates = duplicates
    this.#straggles = new EventRandom(seed + 101)
    this.#repeats = new EventRandom(seed + 202)
    this.#plain = stragglers.share === 0 && duplicates.share === 0
    this.#steps = events + (this.#plain ? 0 : Math.max(stragglers.by, duplicates.by))
  }

  /** The next event; undefined after the last. */
  next(): NexmarkEvent | undefined {
    if (this.#plain) {
      if (this.#step === this.#events) return undefined
      return this.#generator.event(this.#generator.number(this.#step++))
    }
    while (this.#arriving.length === 0) {
      if (this.#step === this.#steps) return undefined
      this.#take(this.#step++)
    }
    return this.#generator.event(this.#arriving.pop() as number)
  }

  /** The next events, at most so many; fewer only at the end. */
  take(most: number): NexmarkEvent[] {
    const events: NexmarkEvent[] = []
    for (let event = most > 0 ? this.next() : undefined; event !== undefined; event = this.next()) {
      if (events.push(event) >= most) break
    }
    return events
  }

  #take(step: number): void {
    const generator = this.#generator
    const again = step - this.#duplicates.by
    if (again >= 0 && again < this.#events && this.#isRepeated(again)) this.#arriving.push(generator.number(again))
    const late = step - this.#stragglers.by
    if (late >= 0 && late < this.#events && this.#isStraggler(late)) this.#arriving.push(generator.number(late))
    if (step < this.#events && !this.#isStraggler(step)) this.#arriving.push(generator.number(step))
  }

  #isStraggler(k: number): boolean {
    const { share } = this.#stragglers
    return share > 0 && this.#straggles.start(k).unit() < share
  }

  #isRepeated(k: number): boolean {
    const { share } = this.#duplicates
    return share > 0 && this.#repeats.start(k).unit() < share
  }
}

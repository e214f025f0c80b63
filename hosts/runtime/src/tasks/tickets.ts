/**
 * Who waits to be told what the queue of a task has made of a command: the number of the run that an input has become or joined, and how many
 * runs a command for many has reached. A command carries its ticket; the queue's effects come back with it.
 *
 * 1. A ticket is of one start of the node: what an earlier one has asked may be answered yet, and nobody waits for that.
 */
import type { RunPlaced, RunsTallied } from "@millrace/engine"

/** What the inputs of a request have become. */
interface Placement {
  readonly numbers: readonly number[]
  /** Whether all of them are new. */
  readonly fresh: boolean
  /** Whether one has an idempotency key that came with another body before. */
  readonly isOther: boolean
}

/** How many runs a command for many has reached. */
export interface RunTally {
  readonly count: number
  /** Whether these are all; else it goes on. */
  readonly done: boolean
}

/** A request whose inputs may join other runs. */
interface Ticket {
  readonly name: string
  /** Resolves once so many inputs have been placed. */
  placed(count: number): Promise<Placement>
  close(): void
}

export class Tickets {
  readonly #epoch: string
  readonly #placing: Map<string, (index: number, placed: RunPlaced) => void> = new Map()
  readonly #tallying: Map<string, (tally: RunTally) => void> = new Map()
  #last = 0

  constructor(now: number) {
    this.#epoch = Math.floor(now).toString(36)
  }

  onPlaced(placed: RunPlaced): void {
    const [name = "", index] = placed.ticket.split(".")
    this.#placing.get(name)?.(Number(index), placed)
  }

  onTallied({ ticket, count, done }: RunsTallied): void {
    this.#tallying.get(ticket)?.({ count, done })
  }

  /** @param onNew - hears, in the moment in which it is told, that an input has become a new run */
  open(onNew: (number: number) => void = () => undefined): Ticket {
    const name = this.#next()
    const numbers: number[] = []
    let placed = 0
    let fresh = true
    let isOther = false
    let told: (() => void) | undefined
    this.#placing.set(name, (index, { number, joined, otherBody }) => {
      numbers[index] = number
      if (otherBody === true) isOther = true
      if (joined) fresh = false
      else onNew(number)
      placed++
      told?.()
    })
    return {
      name,
      placed: (count) =>
        new Promise((resolve) => {
          told = () => {
            if (placed >= count) resolve({ numbers, fresh, isOther })
          }
          told()
        }),
      close: () => void this.#placing.delete(name),
    }
  }

  /**
   * Resolves once a command has reached all of its runs, or with how many so far once `signal` is aborted.
   *
   * @param tell - tells the command with this ticket
   */
  async tallied(signal: AbortSignal, tell: (ticket: string) => Promise<void>): Promise<RunTally> {
    const name = this.#next()
    let tally: RunTally = { count: 0, done: false }
    let settle = (): void => undefined
    const over = new Promise<void>((resolve) => {
      settle = resolve
    })
    this.#tallying.set(name, (told) => {
      tally = told
      if (told.done) settle()
    })
    signal.addEventListener("abort", settle)
    try {
      await tell(name)
      if (!signal.aborted) await over
      return tally
    } finally {
      this.#tallying.delete(name)
      signal.removeEventListener("abort", settle)
    }
  }

  #next(): string {
    return `${this.#epoch}-${++this.#last}`
  }
}

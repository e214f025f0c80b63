/** What is under way: calls by lease with the runs in each, and when they have taken too long. */
import { flagCodec } from "../operators/flag-codec.ts"
import { Schedule } from "../schedule.ts"
import { type KeyedState, type Scope, rowNumber } from "../state.ts"
import type { Runs } from "./runs.ts"

export interface OpenCall {
  readonly numbers: number[]
  readonly alone: boolean
  /** When it has taken too long, in ms. */
  until: number
}

export class Calls {
  readonly #running: Scope<true>
  readonly #timeoutMs: number | null
  #calls: Map<number, OpenCall> = new Map()
  readonly #deadlines = new Schedule()
  /** Runs that nobody has in hand: of a machine that this one took over from, and those that wait to be called alone. */
  orphans: number[] = []
  /** Calls that have a worker to themselves. */
  alone = 0

  constructor(state: KeyedState, name: string, timeoutMs: number | null) {
    this.#running = state.scope(name, flagCodec)
    this.#timeoutMs = timeoutMs
  }

  /** Learns anew from the state what is under way; of that, what it knew before is in hand. */
  load(runs: Runs): void {
    const before = this.#calls
    this.#calls = new Map()
    this.orphans = []
    this.alone = 0
    this.#deadlines.clear()
    for (const { key } of this.#running.entries(this.#running.bucket(0))) {
      const number = Number.parseInt(key, 36)
      const run = runs.get(number)
      if (run === undefined) throw new Error(`task queue: run ${number} is under way and is not there`)
      const known = before.get(run.lease)
      if (known === undefined) this.orphans.push(number)
      else this.#join(run.lease, number, known.alone, run.startedAt)
    }
  }

  /** Calls, and runs that are about to be called again. */
  get size(): number {
    return this.#calls.size + this.orphans.length
  }

  get(lease: number): OpenCall | undefined {
    return this.#calls.get(lease)
  }

  /** When the first call has taken too long, in ms. */
  get due(): number {
    for (let lease = this.#deadlines.first; lease !== undefined; lease = this.#deadlines.first) {
      if (this.#calls.has(lease)) break
      this.#deadlines.removeFirst()
    }
    return this.#deadlines.due
  }

  /** Takes out the first deadline that is due: the lease of a call that may have ended. */
  late(now: number): number | undefined {
    for (let lease = this.#deadlines.first; lease !== undefined && this.#deadlines.due <= now; lease = this.#deadlines.first) {
      this.#deadlines.removeFirst()
      const until = this.#calls.get(lease)?.until ?? now
      if (until <= now) return lease
      this.#deadlines.add(until, lease)
    }
    return undefined
  }

  /** The time of a call runs from now. */
  restart(lease: number, now: number): void {
    const call = this.#calls.get(lease)
    if (call !== undefined && this.#timeoutMs !== null) call.until = now + this.#timeoutMs
  }

  /** A run is called. */
  begin(lease: number, number: number, alone: boolean, startedAt: number): void {
    this.#running.change(this.#running.bucket(0), rowNumber(number), () => true)
    this.#join(lease, number, alone, startedAt)
  }

  /** A run is not in hand any more. */
  leave(number: number, lease: number): void {
    this.#running.remove(this.#running.bucket(0), rowNumber(number))
    const call = this.#calls.get(lease)
    if (call === undefined) return
    const at = call.numbers.indexOf(number)
    if (at >= 0) call.numbers.splice(at, 1)
    if (call.numbers.length > 0) return
    this.#calls.delete(lease)
    if (call.alone) this.alone--
  }

  /** A run is not in hand, and is to be called again: as it would be after a crash. */
  orphan(number: number): void {
    this.#running.change(this.#running.bucket(0), rowNumber(number), () => true)
    this.orphans.push(number)
  }

  #join(lease: number, number: number, alone: boolean, startedAt: number): void {
    const call = this.#calls.get(lease)
    if (call !== undefined) {
      call.numbers.push(number)
      return
    }
    const until = this.#timeoutMs === null ? Number.POSITIVE_INFINITY : startedAt + this.#timeoutMs
    this.#calls.set(lease, { numbers: [number], alone, until })
    if (alone) this.alone++
    if (this.#timeoutMs !== null) this.#deadlines.add(until, lease)
  }
}

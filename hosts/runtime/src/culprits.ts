/**
 * What has brought the workers of one seat down, and how often: records, steps of what comes due, calls. What has done so too often is not
 * done again. It names culprits from what each dead worker had in hand; it starts and ends no worker.
 *
 * ```
 *  a worker dies at an entry ──> the next one does it again, watched: shows each step of what comes due
 *     no step was in hand: the record is to blame ──> 2 deaths: a dead letter ──> yet another: all that it makes due is
 *     a step was in hand: it alone is to blame ─────> 2 deaths: a dead letter
 * ```
 */
import { limits } from "@millrace/model"
import type { CulpritsData, LostCalls, PoisonData } from "./messages.ts"
import type { WorkerEnd } from "./worker-handle.ts"

type Reason = PoisonData[number][1]

interface Step {
  /** The entry that made it due; -1: the clock. */
  readonly entry: number
  readonly reason: Reason
}

export class Culprits {
  /** By offset. */
  readonly #records: Map<number, Reason> = new Map()
  /** By name: see the engine's step-watch.ts. */
  readonly #steps: Map<number, Step> = new Map()
  /** By operator's place and number. */
  readonly #calls: Map<string, LostCalls[number]> = new Map()
  /** A worker died at no entry, and of no known step: of what the clock makes due, perhaps. */
  #byClock = false
  #allByClock: Reason | undefined

  /** A worker has died while it did this seat's work. */
  blame({ kind, record, step, operator, error }: WorkerEnd): void {
    if (kind === "call") {
      const name = `${operator} ${record}`
      this.#calls.set(name, [operator, record, again(this.#calls.get(name)?.[2], error)])
    } else if (kind === "stage" && step !== 0) this.#blameStep(step, record, error)
    else if (kind === "stage" && record >= 0) this.#records.set(record, again(this.#records.get(record), error))
    else if (kind === "stage") this.#byClock = true
  }

  /** What the next worker is to know. */
  get told(): CulpritsData {
    const barred = new Map([...this.#steps].flatMap(([name, { reason }]) => (isBarred(reason) ? [[name, reason] as const] : [])))
    const entries = [...this.#steps.values()].map(({ entry }) => entry)
    const upTo = Math.max(-1, ...this.#records.keys(), ...entries)
    const byClock = this.#byClock || entries.includes(-1)
    return {
      poison: [...this.#records].filter(([, reason]) => isBarred(reason)),
      lost: [...this.#calls.values()].filter(([, , reason]) => isBarred(reason)),
      watched: upTo < 0 && !byClock ? undefined : { upTo, byClock, barred, allByClock: this.#allByClock },
    }
  }

  /** The seat has got past all before an offset, with so many dead letters. */
  committed(consumed: number, deadLetters: number): void {
    for (const offset of this.#records.keys()) if (offset < consumed) this.#records.delete(offset)
    for (const [name, { entry, reason }] of this.#steps) {
      if (entry < 0 ? deadLetters > 0 && isBarred(reason) : entry < consumed) this.#steps.delete(name)
    }
    if (deadLetters === 0) return
    this.#byClock = false
    this.#allByClock = undefined
  }

  /** What is stored is less than what had been committed: these offsets, and numbers, will be given to others. */
  clear(): void {
    this.#records.clear()
    this.#steps.clear()
    this.#calls.clear()
    this.#byClock = false
    this.#allByClock = undefined
  }

  #blameStep(name: number, entry: number, error: Reason["error"]): void {
    const reason = again(this.#steps.get(name)?.reason, error)
    // The newest last.
    this.#steps.delete(name)
    this.#steps.set(name, { entry, reason })
    const [oldest] = this.#steps.keys()
    if (this.#steps.size > 2 * limits.stepsBarredMax && oldest !== undefined) this.#steps.delete(oldest)
    let barred = 0
    for (const step of this.#steps.values()) if (step.entry === entry && isBarred(step.reason)) barred++
    if (barred <= limits.stepsBarredMax) return
    const all = { error, attempts: limits.workerDeathsMax + 1 }
    if (entry >= 0) this.#records.set(entry, all)
    else this.#allByClock = all
  }
}

function again(before: Reason | undefined, error: Reason["error"]): Reason {
  return { error, attempts: (before?.attempts ?? 0) + 1 }
}

function isBarred({ attempts }: Reason): boolean {
  return attempts >= limits.workerDeathsMax
}

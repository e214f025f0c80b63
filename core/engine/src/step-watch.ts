/**
 * Looks at the steps of what comes due in a partition that has brought a worker down: shows which one is in hand, so that whoever finds
 * the worker dead can tell it from its neighbours, and says which are not to be done any more.
 *
 * A step is named by what it is for (operator, key, and window or timer), never by its place: where a transaction was cut, and what else
 * came due, may be otherwise when it is done again.
 *
 * T12 A step that has ended too many workers becomes a dead letter alone.
 */
import { type ErrorData, limits, valueBytes } from "@millrace/model"

/** Why a step is not to be done, or an entry not to be processed. */
export interface Reason {
  readonly error: ErrorData
  readonly attempts: number
}

/** What a partition's dead workers have left behind. */
export interface WatchedSteps {
  /** The newest entry at which one died; -1: none did at an entry. */
  readonly upTo: number
  /** One died of what the clock makes due, or may have. */
  readonly byClock: boolean
  /** By `stepName`: those that are not to be done. */
  readonly barred: ReadonlyMap<number, Reason>
  /** Too many of those that the clock makes due have: none of them is done. */
  readonly allByClock?: Reason | undefined
}

export class StepWatch {
  readonly #shown: Float64Array
  readonly #given: WatchedSteps
  #byClock: boolean

  /** @param shown - gets in its third place the name of the step in hand; 0: none is */
  constructor(shown: Float64Array, given: WatchedSteps) {
    this.#shown = shown
    this.#given = given
    this.#byClock = given.byClock
  }

  /** All that the clock made due is done: what was watched for is behind. */
  onTicked(): void {
    this.#byClock = false
  }

  /** Whether a partition that has consumed so much is past all that was watched for. */
  isOver(consumed: number): boolean {
    return !this.#byClock && consumed > this.#given.upTo
  }

  /** Does a step, unless it is barred: then returns why. */
  run(operator: string, value: unknown, key: string, step: () => void): Reason | undefined {
    const shown = this.#shown
    const { barred, allByClock } = this.#given
    const name = stepName(operator, key, value)
    const reason = barred.get(name) ?? ((shown[0] as number) < 0 ? allByClock : undefined)
    if (reason !== undefined) return reason
    const outer = shown[2] as number
    shown[2] = name
    try {
      step()
    } finally {
      shown[2] = outer
    }
    return undefined
  }
}

/** A number from 1 to 2^52 that no other step of a partition is likely to have. */
export function stepName(operator: string, key: string, value: unknown): number {
  let low = 0x811c9dc5
  let high = 0x1b873593
  const take = (unit: number): void => {
    low = Math.imul(low ^ unit, 0x01000193)
    high = Math.imul((high ^ unit) + 0x7f4a7c15, 0x85ebca6b) ^ (high >>> 13)
  }
  for (const text of [operator, key]) {
    for (let i = 0; i < text.length; i++) take(text.charCodeAt(i))
    take(0x1_0000)
  }
  for (const byte of valueBytes(value)) take(byte)
  return ((high >>> 0) & 0xf_ffff) * 2 ** 32 + (low >>> 0) + 1
}

/** Whether an entry's own processing is not to blame alone: its worker still dies, of what it makes due. */
export function isAllBarred({ attempts }: Reason): boolean {
  return attempts > limits.workerDeathsMax
}

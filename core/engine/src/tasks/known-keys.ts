/**
 * Runs by the keys under which others join them: of idempotency, throttle and debounce, each until a time. The runs of a bulk are known
 * by its one key together, as their numbers follow each other: what a million of them take does not grow with their number.
 */
import type { KeyedState, Scope } from "../state.ts"
import { numbersCodec } from "./numbers-codec.ts"
import type { EnqueueFacts } from "./task-command.ts"
import { type Timers, timer } from "./timers.ts"

/** Where no fingerprint came with a bulk. */
const noFingerprint = -1

/** The run that an idempotency key names already. */
export interface Repeat {
  readonly number: number
  /** The key came with another body then. */
  readonly isOther: boolean
}

export class KnownKeys {
  /** [number, until], and perhaps the fingerprint of what came with it; of a bulk also how many runs follow from that number on. */
  readonly #scope: Scope<readonly number[]>
  readonly #timers: Timers

  constructor(state: KeyedState, name: string, timers: Timers) {
    this.#scope = state.scope(name, numbersCodec)
    this.#timers = timers
  }

  /** The run that is known by a name now. */
  whoIs(name: string, now: number): number | undefined {
    return this.#alive(name, now)?.[0]
  }

  /** What the idempotency key of an enqueue says of it; undefined: it is a new run. */
  repeatOf(facts: EnqueueFacts, number: number, now: number): Repeat | undefined {
    const { idempotencyKey, fingerprint } = facts
    if (idempotencyKey === undefined) return undefined
    const place = placeOf(facts)
    const bulk = place === undefined ? undefined : this.#alive(place.name, now)
    if (place !== undefined && bulk !== undefined) {
      const [first = 0, , print, count = 0] = bulk
      if (first + place.index === number) return undefined
      if (isOther(fingerprint, print)) return { number: first, isOther: true }
      if (place.index < count) return { number: first + place.index, isOther: false }
    } else if (place !== undefined) {
      // The bulk's key may have come with one input alone.
      const one = this.#alive(`i:${place.key}`, now)
      if (one !== undefined && isOther(fingerprint, one[2])) return { number: one[0] as number, isOther: true }
    }
    const known = this.#alive(`i:${idempotencyKey}`, now)
    if (known === undefined) return undefined
    return { number: known[0] as number, isOther: isOther(fingerprint, known[2]) }
  }

  /** A new run has an idempotency key. */
  knowRepeat(facts: EnqueueFacts, number: number, until: number, now: number): void {
    const { idempotencyKey, fingerprint, among = 0 } = facts
    if (idempotencyKey === undefined) return
    const place = placeOf(facts)
    const bulk = place === undefined ? undefined : this.#alive(place.name, now)
    if (place !== undefined && bulk === undefined) this.#know(place.name, [number - place.index, until, fingerprint ?? noFingerprint, among])
    else if (place === undefined || bulk?.[0] !== number - place.index) {
      this.#know(`i:${idempotencyKey}`, fingerprint === undefined ? [number, until] : [number, until, fingerprint])
    }
  }

  /** [number, until] and perhaps more, however late it is. */
  get(name: string): readonly number[] | undefined {
    return this.#scope.get(this.#scope.bucket(0), name)?.value
  }

  know(name: string, number: number, until: number): void {
    this.#know(name, [number, until])
  }

  /** An idempotency key is not a run's any more: its next repeat is a new run. */
  free(idempotencyKey: string, number: number): void {
    const name = `i:${idempotencyKey}`
    if (this.get(name)?.[0] === number) this.#scope.remove(this.#scope.bucket(0), name)
  }

  /** A timer says that a name may be over. */
  forget(name: string, now: number): void {
    const known = this.get(name)
    if (known !== undefined && (known[1] as number) <= now) this.#scope.remove(this.#scope.bucket(0), name)
  }

  #alive(name: string, now: number): readonly number[] | undefined {
    const known = this.get(name)
    return known === undefined || (known[1] as number) <= now ? undefined : known
  }

  #know(name: string, known: readonly [number: number, until: number, ...rest: number[]]): void {
    this.#scope.change(this.#scope.bucket(0), name, () => []).value = known
    this.#timers.set(known[1], timer.forget, name)
  }
}

/** What came without a fingerprint, now or then, is taken for the same. */
function isOther(fingerprint: number | undefined, known: number | undefined): boolean {
  return fingerprint !== undefined && known !== undefined && known !== noFingerprint && known !== fingerprint
}

/** An input's place in a bulk that came with one key; undefined: it came with a key of its own. */
function placeOf({ idempotencyKey = "", among }: EnqueueFacts): { readonly key: string; readonly name: string; readonly index: number } | undefined {
  if (among === undefined) return undefined
  const slash = idempotencyKey.lastIndexOf("/")
  const key = idempotencyKey.slice(0, slash)
  return { key, name: `b:${key}`, index: Number(idempotencyKey.slice(slash + 1)) }
}

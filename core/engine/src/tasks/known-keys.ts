/** Runs by the keys under which others join them: of idempotency, throttle and debounce, each until a time. */
import type { KeyedState, Scope } from "../state.ts"
import { numbersCodec } from "./numbers-codec.ts"
import { type Timers, timer } from "./timers.ts"

export class KnownKeys {
  /** [number, until], and perhaps the fingerprint of what came with it. */
  readonly #scope: Scope<readonly number[]>
  readonly #timers: Timers

  constructor(state: KeyedState, name: string, timers: Timers) {
    this.#scope = state.scope(name, numbersCodec)
    this.#timers = timers
  }

  /** The run that is known by a name now. */
  whoIs(name: string, now: number): number | undefined {
    const known = this.get(name)
    return known === undefined || (known[1] as number) <= now ? undefined : known[0]
  }

  /** Whether what is known by a name now came with something else; false where that is not known. */
  isOther(name: string, fingerprint: number, now: number): boolean {
    const known = this.get(name)
    return known?.[2] !== undefined && (known[1] as number) > now && known[2] !== fingerprint
  }

  /** [number, until] and perhaps a fingerprint, however late it is. */
  get(name: string): readonly number[] | undefined {
    return this.#scope.get(this.#scope.bucket(0), name)?.value
  }

  know(name: string, number: number, until: number, fingerprint?: number): void {
    this.#scope.change(this.#scope.bucket(0), name, () => []).value = fingerprint === undefined ? [number, until] : [number, until, fingerprint]
    this.#timers.set(until, timer.forget, name)
  }

  /** A timer says that a name may be over. */
  forget(name: string, now: number): void {
    const known = this.get(name)
    if (known !== undefined && (known[1] as number) <= now) this.#scope.remove(this.#scope.bucket(0), name)
  }
}

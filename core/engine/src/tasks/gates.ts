/**
 * How many runs of a key (or of the whole task, key "") may be under way, and how often one may start: counters and token buckets,
 * kept while they say anything.
 */
import { type ByteReader, type ByteWriter, type TaskPlan, readValue, writeValue } from "@millrace/model"
import type { KeyedState, Scope, StateCodec } from "../state.ts"

/** Runs admitted and not ended, tokens left, and when that many were left, in ms. */
interface Gate {
  admitted: number
  tokens: number
  at: number
}

const gateCodec: StateCodec<Gate> = {
  write: (to: ByteWriter, { admitted, tokens, at }) => writeValue(to, [admitted, tokens, at]),
  read: (from: ByteReader) => {
    const [admitted, tokens, at] = readValue(from) as [number, number, number]
    return { admitted, tokens, at }
  },
  copy: (gate) => ({ ...gate }),
}

export class Gates {
  readonly #plan: TaskPlan
  readonly #scope: Scope<Gate>
  /** Whether runs of one key wait for each other. */
  readonly keyed: boolean

  constructor(plan: TaskPlan, state: KeyedState, name: string) {
    this.#plan = plan
    this.#scope = state.scope(name, gateCodec)
    this.keyed = plan.concurrencyPerKey !== null || plan.rate?.by === "key"
  }

  /** When the next run may be admitted: now or earlier, at a later time, or Infinity: once another has ended. */
  opensAt(key: string, now: number): number {
    const { concurrencyPerKey: most } = this.#plan
    const gate = this.#scope.get(this.#scope.bucket(0), key)?.value
    if (gate === undefined) return now
    if (key !== "" && most !== null && gate.admitted >= most) return Number.POSITIVE_INFINITY
    const rate = this.#rateOf(key)
    if (rate === undefined) return now
    const tokens = this.#tokens(gate, now, rate.limit, rate.perMs, rate.burst)
    return tokens >= 1 ? now : now + Math.max(1, Math.ceil(((1 - tokens) * rate.perMs) / rate.limit))
  }

  /** A run passes. Returns when to `tidy` a gate that was not there before. */
  admit(key: string, now: number): number | undefined {
    const rate = this.#rateOf(key)
    if (rate === undefined && (key === "" || this.#plan.concurrencyPerKey === null)) return undefined
    const burst = rate?.burst ?? 0
    const known = this.#scope.get(this.#scope.bucket(0), key) !== undefined
    const cell = this.#scope.change(this.#scope.bucket(0), key, () => ({ admitted: 0, tokens: burst, at: now }))
    const gate = cell.value as Gate
    gate.admitted++
    if (rate === undefined) return undefined
    gate.tokens = this.#tokens(gate, now, rate.limit, rate.perMs, burst) - 1
    gate.at = Math.max(gate.at, now)
    return known ? undefined : this.#fullAt(gate, rate.limit, rate.perMs, burst)
  }

  /** A run that passed has ended. */
  release(key: string): void {
    const bucket = this.#scope.bucket(0)
    if (this.#scope.get(bucket, key) === undefined) return
    const gate = this.#scope.change(bucket, key, noGate).value as Gate
    gate.admitted = Math.max(0, gate.admitted - 1)
    if (gate.admitted === 0 && this.#rateOf(key) === undefined) this.#scope.remove(bucket, key)
  }

  /** Forgets a gate that says nothing any more; otherwise, when to look again. */
  tidy(key: string, now: number): number | undefined {
    const bucket = this.#scope.bucket(0)
    const gate = this.#scope.get(bucket, key)?.value
    const rate = this.#rateOf(key)
    if (gate === undefined) return undefined
    const fullAt = rate === undefined ? now : this.#fullAt(gate, rate.limit, rate.perMs, rate.burst)
    if (fullAt > now) return fullAt
    if (key !== "" && gate.admitted > 0) return now + (rate?.perMs ?? 1_000)
    this.#scope.remove(bucket, key)
    return undefined
  }

  #rateOf(key: string): TaskPlan["rate"] & object | undefined {
    const { rate } = this.#plan
    return rate !== null && (rate.by === "key") === (key !== "") ? rate : undefined
  }

  #tokens({ tokens, at }: Gate, now: number, limit: number, perMs: number, burst: number): number {
    return Math.min(burst, tokens + (Math.max(0, now - at) * limit) / perMs)
  }

  #fullAt({ tokens, at }: Gate, limit: number, perMs: number, burst: number): number {
    return at + Math.ceil(((burst - tokens) * perMs) / limit)
  }
}

function noGate(): never {
  throw new Error("gates: a gate that was there is not")
}

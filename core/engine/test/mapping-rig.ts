/** One shard of a mapping before a log in memory, a function that a test writes, and a clock that a test moves. */
import { limits } from "@millrace/model"
import {
  type DiscardEffect,
  type InvokeEffect,
  type MappedRecord,
  type MappingSettings,
  type ShardCheckpoint,
  ShardMachine,
  type Verdict,
  keyHash,
  newCheckpoint,
} from "../src/index.ts"

interface Entry {
  readonly key: string
  readonly time: number
  readonly bytes: number
  /** Whether the mapping's filters let it pass. */
  readonly passes: boolean
}

export interface Invocation {
  readonly id: number
  readonly at: number
  readonly offsets: readonly number[]
  readonly window?: InvokeEffect["window"]
}

/** What the function makes of an invocation; undefined: it is told later, by `answer`. */
export type Handler = (invocation: Invocation) => Verdict | undefined

const plain: MappingSettings = {
  batchSize: 100,
  batchingWindowMs: 0,
  parallelizationFactor: 1,
  maximumRetryAttempts: -1,
  maximumRecordAgeMs: -1,
  bisectBatchOnFunctionError: false,
  tumblingWindowMs: 0,
  retentionMs: 86_400_000,
  envelopeBytes: 200,
}

const nothing: Entry = { key: "", time: 0, bytes: 0, passes: false }

export const done: Verdict = { kind: "done" }
export const failed: Verdict = { kind: "failed", error: "Unhandled" }

export class MappingRig {
  now = 1_000_000_000_000
  readonly log: Entry[] = []
  readonly invocations: Invocation[] = []
  readonly discards: (DiscardEffect & { readonly offsets: readonly number[] })[] = []
  handler: Handler
  machine: ShardMachine
  /** What is durable. */
  kept: ShardCheckpoint
  /** Where the log begins. */
  first = 0
  /** The end of a shard that is closed. */
  end: number | undefined
  /** Most records of one read. */
  page = 50
  /** Whether destinations take what they are told. */
  takesDiscards = true
  #settings: MappingSettings

  constructor(settings: Partial<MappingSettings> = {}, handler: Handler = () => done) {
    this.#settings = { ...plain, ...settings }
    this.handler = handler
    this.kept = newCheckpoint(0)
    this.machine = new ShardMachine(this.#settings, this.kept)
  }

  /** Appends records of these keys now; returns the offset of the first. */
  put(keys: readonly string[], more: Partial<Entry> = {}): number {
    const from = this.log.length
    for (const key of keys) this.log.push({ key, time: this.now, bytes: 300, passes: true, ...more })
    return from
  }

  /** So many records, each of a key of its own. */
  fill(count: number, more: Partial<Entry> = {}): void {
    this.put(
      Array.from({ length: count }, (_, i) => `k${i}`),
      more,
    )
  }

  /** Does all that can be done without the clock. */
  settle(): void {
    for (let steps = 0; this.#step(); steps++) {
      if (steps > 100_000) throw new Error("the mapping does not come to rest")
    }
  }

  /** Lets so much time pass, in ms; whatever falls due happens at its time. */
  advance(ms: number): void {
    const until = this.now + ms
    this.settle()
    for (;;) {
      const at = this.machine.wakeAt()
      if (at > until) break
      if (at <= this.now) throw new Error(`woken at ${at}, which is not after ${this.now}: it would wake for ever`)
      this.now = at
      this.machine.tick(at)
      this.settle()
    }
    this.now = until
  }

  answer(id: number, verdict: Verdict): void {
    this.machine.outcome(id, verdict, this.now)
    this.settle()
  }

  /** Starts over from what is durable, perhaps with other settings. */
  restart(settings: Partial<MappingSettings> = {}): void {
    this.#settings = { ...this.#settings, ...settings }
    this.machine = new ShardMachine(this.#settings, structuredClone(this.kept))
    if (this.end !== undefined) this.machine.close(this.end, this.now)
  }

  close(): void {
    this.end = this.log.length
    this.machine.close(this.end, this.now)
    this.settle()
  }

  keep(): void {
    this.kept = structuredClone(this.machine.checkpoint())
  }

  /** Offsets in the order in which the function took them for good. */
  get offsets(): number[][] {
    return this.invocations.map(({ offsets }) => [...offsets])
  }

  #step(): boolean {
    const { machine } = this
    const effects = machine.effects()
    for (const effect of effects) {
      // What is given up is durable before anybody is told.
      if (machine.isChanged) this.keep()
      if (effect.kind === "invoke") this.#invoke(effect)
      else if (this.takesDiscards) {
        this.discards.push({ ...effect, offsets: effect.records.map(({ offset }) => offset) })
        machine.delivered(effect.id, true, this.now)
      }
    }
    if (machine.isChanged) this.keep()
    return this.#read() || effects.length > 0
  }

  #invoke({ id, records, bytes, window }: InvokeEffect): void {
    if (records.length > 1 && bytes > limits.functionEventBytesMax) throw new Error(`an event of ${bytes} bytes`)
    const invocation: Invocation = {
      id,
      at: this.now,
      offsets: records.map(({ offset }) => offset),
      ...(window === undefined ? {} : { window }),
    }
    this.invocations.push(invocation)
    const verdict = this.handler(invocation)
    if (verdict !== undefined) this.machine.outcome(id, verdict, this.now)
  }

  #read(): boolean {
    const { machine } = this
    const from = machine.readFrom
    if (from === undefined || from >= this.log.length) return false
    if (from < this.first) {
      machine.trimmed(this.first, this.now)
      return true
    }
    const next = Math.min(this.log.length, from + Math.min(this.page, machine.readMost))
    const records: MappedRecord[] = []
    for (let offset = from; offset < next; offset++) {
      const { key, time, bytes, passes } = this.log[offset] ?? nothing
      if (passes) records.push({ offset, keyHash: keyHash(key), time, bytes, readAt: this.now })
    }
    machine.received(records, from, next, next - from - records.length, this.log.length, this.now)
    return true
  }
}

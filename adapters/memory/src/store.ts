/**
 * The store in memory: arrays and maps, durable at once. It is the reference for what a store does, so it is written
 * to be obviously right, not fast.
 */
import type { Append, Commit, Committed, Extent, OnLost, Slice, StateReader, Store, Stretch } from "@millrace/engine"
import { MillraceError, readStateChanges } from "@millrace/model"

export interface MemoryStoreOptions {
  /** The clock, in ms since the epoch: stamps commits. */
  readonly now: () => number
  /** Never called: memory loses nothing while the process lives. */
  readonly onLost: OnLost
}

/** Opens an empty store. */
export function openMemoryStore(options: MemoryStoreOptions): Promise<Store> {
  return Promise.resolve(new MemoryStore(options.now))
}

/** One append that is kept, with what it became. */
interface Kept extends Slice {
  readonly stream: string
  readonly partition: number
}

/** A commit that is kept. */
interface KeptCommit {
  readonly sequence: number
  readonly appendedAt: number
  readonly appends: readonly Kept[]
  readonly state: readonly Uint8Array[]
}

/** The log of one stream and partition: what is kept of it, in order, and the next offset. */
interface Log {
  readonly kept: Kept[]
  next: number
}

/** The value of each key by scope, partition and bucket. */
type State = Map<string, Map<number, Map<string, Uint8Array>>>

class MemoryStore implements Store {
  readonly #now: () => number
  readonly #commits: KeptCommit[] = []
  #sequence = 0
  #folded = 0
  readonly #logs = new Map<string, Log>()
  readonly #state: State = new Map()
  #closed = false

  constructor(now: () => number) {
    this.#now = now
  }

  append(commit: Commit): Committed {
    if (this.#closed) throw new Error("the store is closed")
    const sequence = this.#sequence++
    const appends = commit.appends.map((append) => this.#keep(append))
    const state = commit.state.map((section) => section.slice())
    this.#commits.push({ sequence, appendedAt: this.#now(), appends: appends.filter(({ count }) => count > 0), state })
    return { sequence, bases: appends.map(({ base }) => base) }
  }

  durable(sequence: number): Promise<void> {
    return sequence < this.#sequence
      ? Promise.resolve()
      : Promise.reject(new Error(`commit ${sequence} was never appended`))
  }

  get queuedBytes(): number {
    return 0
  }

  get durableSequence(): number {
    return this.#sequence
  }

  extent(stream: string, partition: number): Extent {
    const { kept, next } = this.#log(stream, partition)
    return { first: kept[0]?.base ?? next, durable: next, next }
  }

  // eslint-disable-next-line typescript/require-await -- a refusal must reject, not throw
  async read(stream: string, partition: number, from: number, bytesMost: number): Promise<Slice[]> {
    const { first, next } = this.extent(stream, partition)
    if (from >= next) return []
    if (from < first) {
      const message =
        `Stream "${stream}", partition ${partition} keeps offsets from ${first} on; ${from} was deleted by its ` +
        `retention. Read from ${first}, or from "earliest".`
      throw new MillraceError("MR1014", message, { stream, partition, offset: from, first, next })
    }
    const { kept } = this.#log(stream, partition)
    const slices: Slice[] = []
    let bytes = 0
    for (let i = kept.findLastIndex(({ base }) => base <= from); i < kept.length; i++) {
      const { base, count, block } = kept[i] as Kept
      bytes += block.length
      if (slices.length > 0 && bytes > bytesMost) break
      slices.push({ base, count, block: block.slice() })
    }
    return slices
  }

  fold(): Promise<void> {
    for (const { sequence, state } of this.#commits) {
      if (sequence < this.#folded) continue
      for (const section of state) applyChanges(this.#state, section)
    }
    this.#folded = this.#sequence
    return Promise.resolve()
  }

  get foldedSequence(): number {
    return this.#folded
  }

  get unfoldedBytes(): number {
    const unfolded = this.#commits.filter(({ sequence }) => sequence >= this.#folded)
    return unfolded.reduce((sum, commit) => sum + bytesOf(commit), 0)
  }

  readonly state: StateReader = {
    buckets: (scope, partition) =>
      [...(this.#state.get(place(scope, partition))?.keys() ?? [])].toSorted((a, b) => a - b),
    get: (scope, partition, bucket, key) => this.#bucket(scope, partition, bucket).get(key),
    entries: (scope, partition, bucket, { prefix = "", after, limit } = {}) => {
      const keys = [...this.#bucket(scope, partition, bucket)].filter(
        ([key]) => key.startsWith(prefix) && (after === undefined || compareUtf8(key, after) > 0),
      )
      return keys.toSorted(([a], [b]) => compareUtf8(a, b)).slice(0, limit)
    },
    close: () => {},
  }

  sweep(wanted: (stretch: Stretch) => boolean): Promise<number> {
    const isWanted = ({ appends, appendedAt }: KeptCommit): boolean =>
      appends.some(({ stream, partition, base, count }) => wanted({ stream, partition, end: base + count, appendedAt }))
    const kept = this.#commits.findIndex((commit) => commit.sequence >= this.#folded || isWanted(commit))
    const swept = this.#commits.splice(0, kept === -1 ? this.#commits.length : kept)
    for (const { appends } of swept)
      for (const { stream, partition } of appends) this.#log(stream, partition).kept.shift()
    return Promise.resolve(swept.reduce((sum, commit) => sum + bytesOf(commit), 0))
  }

  async close(options?: { readonly fold?: boolean }): Promise<void> {
    if (options?.fold === true) await this.fold()
    this.#closed = true
  }

  #bucket(scope: string, partition: number, bucket: number): ReadonlyMap<string, Uint8Array> {
    return this.#state.get(place(scope, partition))?.get(bucket + 0) ?? new Map<string, Uint8Array>()
  }

  #keep({ stream, partition, count, block }: Append): Kept {
    const log = this.#log(stream, partition)
    const kept = { stream, partition, base: log.next, count, block: block.slice() }
    log.next += count
    if (count > 0) log.kept.push(kept)
    return kept
  }

  #log(stream: string, partition: number): Log {
    const name = place(stream, partition)
    const log = this.#logs.get(name) ?? { kept: [], next: 0 }
    this.#logs.set(name, log)
    return log
  }
}

function compareUtf8(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, "utf8"), Buffer.from(b, "utf8"))
}

function place(name: string, partition: number): string {
  return `${partition} ${name}`
}

function bytesOf({ appends, state }: KeptCommit): number {
  return [...appends.map(({ block }) => block), ...state].reduce((sum, { length }) => sum + length, 0)
}

function applyChanges(state: State, section: Uint8Array): void {
  for (const { scope, partition, bucket, cleared, entries } of readStateChanges(section)) {
    const name = place(scope, partition)
    const buckets = state.get(name) ?? new Map<number, Map<string, Uint8Array>>()
    const keys = (cleared ? undefined : buckets.get(bucket + 0)) ?? new Map<string, Uint8Array>()
    for (const [key, value] of entries) {
      if (value === undefined) keys.delete(key)
      else keys.set(key, value)
    }
    // A bucket is there while it holds keys.
    if (keys.size > 0) buckets.set(bucket + 0, keys)
    else buckets.delete(bucket + 0)
    state.set(name, buckets)
  }
}

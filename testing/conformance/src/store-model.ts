/**
 * A store as a few lists and maps, to hold real stores against: what was appended, in order, as text. And the few
 * words with which tests say commits.
 */
import type { Append, Commit, Store } from "@millrace/engine"
import { BlockCursor, BlockWriter, StateChangesWriter } from "@millrace/model"

/** Changes of one bucket: undefined deletes a key. */
export interface Change {
  readonly scope: string
  readonly partition: number
  readonly bucket: number
  readonly cleared?: boolean
  readonly entries: ReadonlyArray<readonly [key: string, value: string | undefined]>
}

/** Entries for one stream and partition. */
export interface Lines {
  readonly stream: string
  readonly partition: number
  readonly lines: readonly string[]
}

/** Entries for a stream and partition, one for each text. */
export const lines = (stream: string, partition: number, ...texts: readonly string[]): Lines => {
  return { stream, partition, lines: texts }
}

/** Changes of keys, in bucket 0 of partition 0 of scope "s" unless said otherwise. */
export const change = (entries: Change["entries"], more: Partial<Change> = {}): Change => {
  return { scope: "s", partition: 0, bucket: 0, entries, ...more }
}

/** `line 3`, `line 4`, … up to but without `to`. */
export const numbers = (from: number, to: number): string[] => {
  return Array.from({ length: to - from }, (_, i) => `line ${from + i}`)
}

export function append({ stream, partition, lines }: Lines): Append {
  const writer = new BlockWriter()
  for (const line of lines) writer.record(line, line.length, Buffer.from(line, "utf8"))
  return { stream, partition, count: lines.length, block: writer.take() }
}

export function changes(...all: readonly Change[]): Uint8Array {
  const writer = new StateChangesWriter()
  for (const { scope, partition, bucket, cleared = false, entries } of all) {
    writer.beginBucket(scope, partition, bucket, cleared)
    for (const [key, value] of entries) {
      if (value === undefined) {
        writer.remove(key)
        continue
      }
      const bytes = writer.beginValue(key)
      const from = bytes.length
      bytes.utf8(value)
      writer.endValue(from)
    }
    writer.endBucket()
  }
  return writer.take()
}

export function commit(appends: readonly Lines[], ...state: readonly Change[]): Commit {
  return { appends: appends.map(append), state: state.length === 0 ? [] : [changes(...state)] }
}

/** The entries of a block as text. */
export function linesOf(block: Uint8Array): string[] {
  const lines: string[] = []
  for (const cursor = new BlockCursor(block); cursor.next();) lines.push(Buffer.from(cursor.value).toString("utf8"))
  return lines
}

/** All entries from an offset on, read in pieces of about `bytesMost`. */
export async function readLines(
  store: Store,
  stream: string,
  partition: number,
  from: number,
  bytesMost: number,
): Promise<string[]> {
  const lines: string[] = []
  for (let next = from; ;) {
    const slices = await store.read(stream, partition, next, bytesMost)
    if (slices.length === 0) return lines
    for (const { base, count, block } of slices) {
      const held = linesOf(block)
      if (held.length !== count) throw new Error(`a slice says it has ${count} entries and has ${held.length}`)
      if (base > next || base + count <= next)
        throw new Error(`asked for offset ${next}, got ${base} to ${base + count - 1}`)
      lines.push(...held.slice(next - base))
      next = base + count
    }
  }
}

/** A bucket's keys and values as the store's reader gives them. */
export function bucketOf(store: Store, scope: string, partition: number, bucket: number): Array<[string, string]> {
  return [...store.state.entries(scope, partition, bucket)].map(([key, value]) => [
    key,
    Buffer.from(value).toString("utf8"),
  ])
}

/** All state of a scope and partition by bucket. */
export function stateOf(store: Store, scope: string, partition: number): Array<[number, Array<[string, string]>]> {
  return store.state.buckets(scope, partition).map((bucket) => [bucket, bucketOf(store, scope, partition, bucket)])
}

/** What a store should hold. */
export class StoreModel {
  readonly #logs = new Map<string, string[]>()
  readonly #unfolded: Change[] = []
  readonly #state = new Map<string, Map<number, Map<string, string>>>()

  append(appends: readonly Lines[], state: readonly Change[]): number[] {
    this.#unfolded.push(...state)
    return appends.map(({ stream, partition, lines }) => {
      const log = this.log(stream, partition)
      log.push(...lines)
      return log.length - lines.length
    })
  }

  fold(): void {
    for (const { scope, partition, bucket, cleared, entries } of this.#unfolded.splice(0)) {
      const buckets = this.#buckets(scope, partition)
      const keys = buckets.get(bucket) ?? new Map<string, string>()
      buckets.set(bucket, keys)
      if (cleared === true) keys.clear()
      for (const [key, value] of entries) {
        if (value === undefined) keys.delete(key)
        else keys.set(key, value)
      }
    }
  }

  /** Every line ever appended, by offset. */
  log(stream: string, partition: number): string[] {
    const name = `${stream}/${partition}`
    const log = this.#logs.get(name) ?? []
    this.#logs.set(name, log)
    return log
  }

  /** State as of the last fold, in the order of {@link stateOf}. */
  state(scope: string, partition: number): Array<[number, Array<[string, string]>]> {
    const buckets = [...this.#buckets(scope, partition)]
      .filter(([, keys]) => keys.size > 0)
      .toSorted(([a], [b]) => a - b)
    return buckets.map(([bucket, keys]) => [
      bucket,
      [...keys].toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    ])
  }

  #buckets(scope: string, partition: number): Map<number, Map<string, string>> {
    const name = `${scope}/${partition}`
    const buckets = this.#state.get(name) ?? new Map<number, Map<string, string>>()
    this.#state.set(name, buckets)
    return buckets
  }
}

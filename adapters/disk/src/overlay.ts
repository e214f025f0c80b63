/** Changes of state that are not in the store yet: the last value of each key, by bucket, in memory. */
import { compareKeys, sortKeys } from "@millrace/engine"

/** What a key takes besides its text and its value. */
const entryBytes = 120

export class ChangedKeys {
  readonly #values = new Map<string, Uint8Array | undefined>()
  #sorted: readonly string[] | undefined
  /** Whether what the store has in this bucket is gone. */
  cleared = false

  has(key: string): boolean {
    return this.#values.has(key)
  }

  /** Undefined: removed. */
  get(key: string): Uint8Array | undefined {
    return this.#values.get(key)
  }

  /** Bytes that it takes more than before. */
  set(key: string, value: Uint8Array | undefined): number {
    const had = this.#values.has(key)
    const before = this.#values.get(key)?.length ?? 0
    this.#values.set(key, value)
    if (!had) this.#sorted = undefined
    return (value?.length ?? 0) - before + (had ? 0 : entryBytes + 2 * key.length)
  }

  /** Keys with a prefix and behind a key, in order. */
  *range(prefix: string, after: string | undefined): Generator<readonly [key: string, value: Uint8Array | undefined]> {
    this.#sorted ??= sortKeys([...this.#values.keys()])
    const keys = this.#sorted
    const least = after !== undefined && compareKeys(after, prefix) >= 0 ? after : prefix
    let low = 0
    for (let high = keys.length; low < high; ) {
      const middle = (low + high) >> 1
      if (compareKeys(keys[middle] as string, least) < 0) low = middle + 1
      else high = middle
    }
    for (let i = low; i < keys.length; i++) {
      const key = keys[i] as string
      if (!key.startsWith(prefix)) return
      if (key !== after) yield [key, this.#values.get(key)]
    }
  }

  clear(): void {
    this.#values.clear()
    this.#sorted = undefined
    this.cleared = true
  }
}

export class Overlay {
  readonly #buckets = new Map<string, Map<number, ChangedKeys>>()
  /** Bytes taken, by estimate. */
  bytes = 0

  buckets(scope: string, partition: number): number[] {
    return [...(this.#buckets.get(`${partition} ${scope}`)?.keys() ?? [])]
  }

  bucket(scope: string, partition: number, bucket: number): ChangedKeys | undefined {
    return this.#buckets.get(`${partition} ${scope}`)?.get(bucket)
  }

  /** The bucket, to be changed. */
  change(scope: string, partition: number, bucket: number, cleared: boolean): ChangedKeys {
    const name = `${partition} ${scope}`
    const buckets = this.#buckets.get(name) ?? new Map<number, ChangedKeys>()
    this.#buckets.set(name, buckets)
    const keys = buckets.get(bucket) ?? new ChangedKeys()
    buckets.set(bucket, keys)
    // What a cleared bucket took is still counted: an overlay that seems too large is only made anew too early.
    if (cleared) keys.clear()
    return keys
  }

  set(keys: ChangedKeys, key: string, value: Uint8Array | undefined): void {
    this.bytes += keys.set(key, value)
  }

  clear(): void {
    this.#buckets.clear()
    this.bytes = 0
  }
}

/**
 * Idempotency keys: what was answered to a request that carried one, so that a repeat gets the same answer and appends
 * nothing. Kept in the commit of the records themselves, so a crash loses both or neither; the newest
 * `limits.idempotencyKeysMax` are remembered.
 */
import { crc32 } from "node:zlib"
import type { StateReader } from "@millrace/engine"
import { MillraceError, StateChangesWriter, limits, valueFrom } from "@millrace/model"
import type { Answer } from "./answer.ts"

const scope = "@idempotency"

interface Kept {
  readonly fingerprint: number
  /** Undefined while the first request is still under way. */
  readonly answer: Answer | undefined
}

interface Stored {
  readonly fingerprint: number
  readonly answer: Answer
  /** Order in which keys were kept, so that the oldest goes first. */
  readonly number: number
}

/** Keys of one bucket of the store: a bucket each makes loading a hundred thousand of them a matter of seconds. */
const bucketKeys = 1_024

export class IdempotencyKeys {
  readonly #kept: Map<string, Kept & { readonly number: number }> = new Map()
  readonly #waiting: Map<string, Promise<Answer>> = new Map()
  readonly #changes = new StateChangesWriter()
  readonly #most: number
  #next = 0

  /** @param most - keys remembered */
  constructor(reader: StateReader, most: number = limits.idempotencyKeysMax) {
    this.#most = most
    for (const bucket of reader.buckets(scope, 0)) {
      const stored: [key: string, kept: Stored][] = []
      for (const [key, bytes] of reader.entries(scope, 0, bucket)) stored.push([key, valueFrom(bytes) as Stored])
      for (const [key, kept] of stored.toSorted(([, a], [, b]) => a.number - b.number)) {
        this.#kept.set(key, kept)
        this.#next = kept.number + 1
      }
    }
  }

  get size(): number {
    return this.#kept.size
  }

  /**
   * What the first request with this key was answered, or will be; undefined: this is the first.
   *
   * @throws MR1011 when the first request had another body
   */
  earlier(key: string, fingerprint: number): Promise<Answer> | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    if (kept.fingerprint !== fingerprint) {
      throw new MillraceError("MR1011", "The Idempotency-Key was used before for another body; use a new key for new records.")
    }
    // While the first request waits for the disk, so does its repeat: an answer is known before it is durable.
    const { answer } = kept
    return this.#waiting.get(key) ?? (answer === undefined ? undefined : Promise.resolve(answer))
  }

  /** The first request of a key is under way; `answer` settles when it is durable or has failed. */
  begin(key: string, fingerprint: number, answer: Promise<Answer>): void {
    this.#kept.set(key, { fingerprint, answer: undefined, number: this.#next++ })
    this.#waiting.set(key, answer)
    void this.#watch(key, answer)
  }

  async #watch(key: string, answer: Promise<Answer>): Promise<void> {
    try {
      await answer
    } catch {
      // A failed request never happened: its key may be used again.
      if (this.#waiting.get(key) === answer) this.forget(key)
    }
    if (this.#waiting.get(key) === answer) this.#waiting.delete(key)
  }

  /** The request of a key came to nothing. */
  forget(key: string): void {
    this.#kept.delete(key)
  }

  /** The state changes that keep an answer, for the commit of its records. */
  changes(key: string, answer: Answer): Uint8Array[] {
    const kept = this.#kept.get(key)
    if (kept === undefined) return []
    const changes = this.#changes
    changes.beginBucket(scope, 0, Math.floor(kept.number / bucketKeys), false)
    changes.value(key, { fingerprint: kept.fingerprint, answer, number: kept.number } satisfies Stored)
    changes.endBucket()
    for (const [old, { number }] of this.#kept) {
      if (this.#kept.size <= this.#most || old === key) break
      this.#kept.delete(old)
      changes.beginBucket(scope, 0, Math.floor(number / bucketKeys), false)
      changes.remove(old)
      changes.endBucket()
    }
    return [changes.take()]
  }

  /** The answer's commit is appended. */
  keep(key: string, answer: Answer): void {
    const kept = this.#kept.get(key)
    if (kept !== undefined) this.#kept.set(key, { ...kept, answer })
  }
}

/** Tells bodies apart well enough to catch a key used twice by mistake. */
export function fingerprintOf(body: Uint8Array): number {
  return crc32(body) + body.length * 2 ** 20
}

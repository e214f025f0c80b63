/**
 * The fold: brings state changes from the journal into the state store. Runs on any thread, synchronously; reads the
 * journal, not the memory of the writer. Changes are gathered per bucket and key first, so a key that changed a
 * thousand times is written once, and they are written in key order.
 */
import fs from "node:fs"
import { limits, readStateChanges } from "@millrace/model"
import { damage } from "./disk-refusal.ts"
import { type Frame, segmentHeaderBytes } from "./frame.ts"
import { SegmentFile, segmentPath } from "./segment-file.ts"
import { scan } from "./segment-scan.ts"
import { bucketPrefix, prefixEnd } from "./state-key.ts"
import { type Checkpoint, readCheckpoint, type StateDatabase, writeCheckpoint } from "./state-store.ts"

/** A stretch of the journal that is on the disk; plain data, to cross to another thread. */
export interface FoldJob {
  readonly dir: string
  readonly salt: number
  readonly from: Omit<Checkpoint, "ends">
  /** The segments from the checkpoint's on, with where they end. */
  readonly segments: ReadonlyArray<{ readonly base: number; readonly bytes: number }>
  readonly endSequence: number
}

/** Folds the whole stretch; a long one in several transactions, each a consistent prefix. Returns the new checkpoint. */
export function fold(database: StateDatabase, job: FoldJob): Checkpoint {
  const changes = new Changes()
  const ends = endsOf(readCheckpoint(database))
  let { sequence, segment, position } = job.from
  const commit = (): void => {
    const checkpoint = { sequence, segment, position, ends: Object.fromEntries(ends) }
    database.transactionSync(() => {
      changes.writeTo(database)
      writeCheckpoint(database, checkpoint)
    })
    changes.clear()
  }
  for (const { base, bytes } of job.segments) {
    if (base !== segment) [segment, position] = [base, segmentHeaderBytes]
    const path = segmentPath(job.dir, base)
    const fd = fs.openSync(path, "r")
    try {
      const file = new SegmentFile(fd)
      const visit = (frame: Frame): void => {
        for (const section of frame.sections) changes.add(file.view(section.position, section.length))
        for (const { stream, partition, base: first, count } of frame.appends) endIn(ends, stream)[partition] = first + count
        sequence = frame.sequence + 1
        position = frame.end
        if (changes.bytes > limits.foldBytesMax) commit()
      }
      const end = scan(file, job.salt, { position, sequence }, "state", visit, bytes)
      if (end.fault !== undefined) throw damage(path, end.position, end.fault, { sequence: end.sequence })
    } finally {
      fs.closeSync(fd)
    }
  }
  if (sequence !== job.endSequence) throw new Error(`the journal ends at commit ${sequence}, not ${job.endSequence}`)
  commit()
  return { sequence, segment, position, ends: Object.fromEntries(ends) }
}

type Ends = Map<string, Array<number | null>>

function endsOf(checkpoint: Checkpoint | undefined): Ends {
  return new Map(Object.entries(checkpoint?.ends ?? {}).map(([stream, ends]) => [stream, [...ends]]))
}

function endIn(ends: Ends, stream: string): Array<number | null> {
  const found = ends.get(stream)
  if (found !== undefined) return found
  const made: Array<number | null> = []
  ends.set(stream, made)
  return made
}

interface ChangedBucket {
  readonly prefix: Buffer
  /** Whether keys that the store has in this bucket go first. */
  cleared: boolean
  readonly values: Map<string, Uint8Array | undefined>
}

/** What the journal changed since the checkpoint: the last value of each key. */
class Changes {
  readonly #buckets = new Map<string, ChangedBucket>()
  #chunk: Uint8Array = new Uint8Array(0)
  #used = 0
  /** Bytes of values held. */
  bytes = 0

  add(section: Uint8Array): void {
    for (const { scope, partition, bucket, cleared, entries } of readStateChanges(section)) {
      const changed = this.#bucket(scope, partition, bucket)
      if (cleared) {
        changed.cleared = true
        changed.values.clear()
      }
      for (const [key, value] of entries) {
        changed.values.set(key, value === undefined ? undefined : this.#keep(value, changed.values.get(key)))
      }
    }
  }

  writeTo(database: StateDatabase): void {
    const buckets = [...this.#buckets.values()].toSorted((a, b) => Buffer.compare(a.prefix, b.prefix))
    const key = Buffer.allocUnsafe(4096)
    for (const { prefix, cleared, values } of buckets) {
      if (cleared) {
        // Listed first: removing under a running cursor would move it.
        const stored = [...database.getKeys({ start: prefix, end: prefixEnd(prefix), snapshot: false })]
        for (const each of stored) database.removeSync(each)
      }
      prefix.copy(key)
      for (const name of [...values.keys()].toSorted()) {
        const value = values.get(name)
        const whole = key.subarray(0, prefix.length + key.write(name, prefix.length, "utf8"))
        if (value !== undefined) database.putSync(whole, value)
        else if (!cleared) database.removeSync(whole)
      }
    }
  }

  clear(): void {
    this.#buckets.clear()
    this.#chunk = new Uint8Array(0)
    this.#used = 0
    this.bytes = 0
  }

  #bucket(scope: string, partition: number, bucket: number): ChangedBucket {
    const name = `${partition} ${bucket} ${scope}`
    let changed = this.#buckets.get(name)
    if (changed === undefined) {
      changed = { prefix: bucketPrefix(scope, partition, bucket), cleared: false, values: new Map() }
      this.#buckets.set(name, changed)
    }
    return changed
  }

  /** A copy of a value, in the place of the one that it replaces when it fits. */
  #keep(value: Uint8Array, before: Uint8Array | undefined): Uint8Array {
    if (before !== undefined && before.length >= value.length) {
      before.set(value)
      return before.length === value.length ? before : before.subarray(0, value.length)
    }
    if (this.#chunk.length - this.#used < value.length) {
      this.#chunk = new Uint8Array(Math.max(Math.min(limits.journalSpanBytesMax, this.bytes + 1024), value.length))
      this.#used = 0
    }
    const kept = this.#chunk.subarray(this.#used, this.#used + value.length)
    this.#used += value.length
    this.bytes += value.length
    kept.set(value)
    return kept
  }
}

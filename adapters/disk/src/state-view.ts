/**
 * State as of a commit, for a reader beside the node that writes it: the store's state as of the last fold, and over it what the journal
 * has brought since, which is kept in memory for the scopes that are wanted. Reads files only; the writer does not notice.
 *
 * V1  What is read between two calls of {@link StateView.catchUp}, while {@link StateView.isWhole} holds, is the state as of one commit.
 * V2  A change of a wanted scope is told once, in the order of the journal, unless `catchUp` says that some were missed.
 */
import fs from "node:fs"
import { compareKeys, type StateRange, type StateReader } from "@millrace/engine"
import { limits, StateChangesCursor, utf8Text } from "@millrace/model"
import { damage } from "./disk-refusal.ts"
import { parseSegmentHeader, segmentHeaderBytes } from "./frame.ts"
import { Overlay } from "./overlay.ts"
import { SegmentFile, segmentPath } from "./segment-file.ts"
import { frameAt } from "./segment-scan.ts"
import { type Checkpoint, openStateDatabase, readCheckpoint, type StateDatabase, stateReader } from "./state-store.ts"

export interface StateView extends StateReader {
  /** It shows the state as of all commits before this one. */
  readonly sequence: number
  /** Whether what was read since the last `catchUp` is as of one commit: the store's state has not gone past it. */
  readonly isWhole: boolean
  /**
   * Goes on to the state as of all commits before `sequence`, which are on the disk, or a later one. False: it was so far behind that
   * changes in between were not told.
   */
  catchUp(sequence: number): boolean
}

export interface StateViewOptions {
  /** The data directory, held by a store of the same process. */
  readonly dir: string
  /** Which scopes are read. */
  wanted(scope: string): boolean
  /** Told of each key of a wanted scope that changes. */
  onChange(scope: string, partition: number, key: string): void
  /** See `limits.stateViewBytes`. */
  readonly bytesMost?: number
}

type Place = Omit<Checkpoint, "ends">

const beginning: Place = { sequence: 0, segment: 0, position: segmentHeaderBytes }

export function openStateView(options: StateViewOptions): StateView {
  return new DiskStateView(options)
}

class DiskStateView implements StateView {
  readonly #options: StateViewOptions
  readonly #database: StateDatabase
  readonly #stored: StateReader
  readonly #overlay = new Overlay()
  readonly #bytesMost: number
  /** The commit from which on the overlay has all changes. */
  #base: Place | undefined
  #at: Place = beginning

  constructor(options: StateViewOptions) {
    this.#options = options
    this.#bytesMost = options.bytesMost ?? limits.stateViewBytes
    this.#database = openStateDatabase(options.dir)
    this.#stored = stateReader(this.#database, () => {})
  }

  get sequence(): number {
    return this.#at.sequence
  }

  get isWhole(): boolean {
    return this.#checkpoint().sequence <= this.#at.sequence
  }

  catchUp(sequence: number): boolean {
    let missed = false
    const checkpoint = this.#checkpoint()
    const target = Math.max(sequence, checkpoint.sequence)
    if (this.#base === undefined) this.#rebase(checkpoint, target)
    else if (!this.#read(target, true)) {
      // The segment where it stood is gone, so it is folded.
      missed = true
      this.#rebase(this.#checkpoint(), target)
    } else if (this.#overlay.bytes > this.#bytesMost && checkpoint.sequence > this.#base.sequence) this.#rebase(checkpoint, target)
    return !missed
  }

  buckets(scope: string, partition: number): number[] {
    const changed = this.#overlay.buckets(scope, partition)
    const stored = this.#stored.buckets(scope, partition).filter((bucket) => !changed.includes(bucket))
    const held = changed.filter((bucket) => [...this.entries(scope, partition, bucket, { limit: 1 })].length > 0)
    return [...stored, ...held].toSorted((a, b) => a - b)
  }

  get(scope: string, partition: number, bucket: number, key: string): Uint8Array | undefined {
    const changes = this.#overlay.bucket(scope, partition, bucket)
    if (changes?.has(key) === true) return changes.get(key)
    return changes?.cleared === true ? undefined : this.#stored.get(scope, partition, bucket, key)
  }

  *entries(
    scope: string,
    partition: number,
    bucket: number,
    { prefix = "", after, limit = Number.POSITIVE_INFINITY }: StateRange = {},
  ): Iterable<readonly [key: string, value: Uint8Array]> {
    const changes = this.#overlay.bucket(scope, partition, bucket)
    const stored = changes?.cleared === true ? none : this.#pages(scope, partition, bucket, prefix, after)
    if (changes === undefined) {
      yield* taken(stored, limit)
      return
    }
    yield* taken(merged(stored, changes.range(prefix, after)), limit)
  }

  close(): void {
    void this.#database.close()
  }

  /** Stored entries, a few at a time: other reads may come between two steps, and end what the database is in the midst of. */
  *#pages(scope: string, partition: number, bucket: number, prefix: string, after: string | undefined): Generator<Entry> {
    let behind = after
    for (let most = 8; ; most = Math.min(most * 4, 1024)) {
      const range = { prefix, limit: most, ...(behind === undefined ? {} : { after: behind }) }
      const page: Entry[] = []
      for (const [key, value] of this.#stored.entries(scope, partition, bucket, range)) page.push([key, copyOf(value)])
      yield* page
      if (page.length < most) return
      behind = page.at(-1)?.[0]
    }
  }

  #checkpoint(): Place {
    // Else a fold that ended within this turn of the event loop would not be seen.
    this.#database.resetReadTxn()
    return readCheckpoint(this.#database) ?? beginning
  }

  /** Forgets the changes that are folded, without telling anything. */
  #rebase(checkpoint: Place, target: number): void {
    for (let from = checkpoint; ; ) {
      this.#overlay.clear()
      this.#base = from
      this.#at = from
      if (this.#read(Math.max(target, from.sequence), false)) return
      // A fold and a sweep may have overtaken it.
      const { sequence } = from
      from = this.#checkpoint()
      if (from.sequence === sequence) throw damage(segmentPath(this.#options.dir, from.segment), from.position, "the file is missing", { sequence })
    }
  }

  /** Takes in the commits before `target`. False: the segment where it stands is gone. */
  #read(target: number, tells: boolean): boolean {
    while (this.#at.sequence < target) {
      const { sequence } = this.#at
      const next = segmentPath(this.#options.dir, sequence)
      // The segment where the last commit lies may be gone already, as all in it is folded.
      if (sequence !== this.#at.segment && fs.existsSync(next)) this.#at = { sequence, segment: sequence, position: segmentHeaderBytes }
      const { segment } = this.#at
      let fd: number
      try {
        fd = fs.openSync(segmentPath(this.#options.dir, segment), "r")
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return false
        throw error
      }
      try {
        this.#readSegment(fd, target, tells)
      } finally {
        fs.closeSync(fd)
      }
    }
    return true
  }

  /** Takes in the commits of one segment, and goes on to the next where it ends. */
  #readSegment(fd: number, target: number, tells: boolean): void {
    const { dir } = this.#options
    const file = new SegmentFile(fd)
    const path = segmentPath(dir, this.#at.segment)
    const header = parseSegmentHeader(file.view(0, segmentHeaderBytes))
    if (header === undefined) throw damage(path, 0, "the header is not whole", {})
    while (this.#at.sequence < target) {
      const { sequence, segment, position } = this.#at
      // A younger segment that begins with the commit: what lies here behind the last one was never promised.
      if (sequence !== segment && fs.existsSync(segmentPath(dir, sequence))) {
        this.#at = { sequence, segment: sequence, position: segmentHeaderBytes }
        return
      }
      const frame = frameAt(file, header.salt, position)
      if (typeof frame === "string") throw damage(path, position, frame, { sequence })
      if (frame.sequence !== sequence) throw damage(path, position, `commit ${frame.sequence} lies where commit ${sequence} belongs`, { sequence })
      for (const section of frame.sections) {
        if (file.crc(section.position, section.length, header.salt) !== section.crc) {
          throw damage(path, position, "the state changes do not fit their checksum", { sequence })
        }
        this.#take(file.view(section.position, section.length), tells)
      }
      this.#at = { sequence: sequence + 1, segment, position: frame.end }
    }
  }

  #take(section: Uint8Array, tells: boolean): void {
    const { onChange } = this.#options
    const cursor = new StateChangesCursor(section)
    while (cursor.nextBucket()) {
      const { scope, partition, bucket, cleared } = cursor
      const changes = this.#options.wanted(scope) ? this.#overlay.change(scope, partition, bucket, cleared) : undefined
      while (cursor.nextKey()) {
        if (changes === undefined) continue
        const key = utf8Text(section, cursor.keyStart, cursor.keyEnd)
        this.#overlay.set(changes, key, cursor.deleted ? undefined : copyOf(section.subarray(cursor.valueStart, cursor.valueEnd)))
        if (tells) onChange(scope, partition, key)
      }
    }
  }
}

/** In memory of its own. What files and LMDB give are Buffers, whose `slice` is a view of a window that moves on. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

type Entry = readonly [key: string, value: Uint8Array]

const none: readonly Entry[] = []

function* taken(entries: Iterable<Entry>, most: number): Generator<Entry> {
  let left = most
  if (left <= 0) return
  for (const entry of entries) {
    yield entry
    if (--left <= 0) return
  }
}

/** Stored entries with those changed in their place; both in order. */
function* merged(stored: Iterable<Entry>, changed: Iterable<readonly [string, Uint8Array | undefined]>): Generator<Entry> {
  const changes = changed[Symbol.iterator]()
  let change = changes.next()
  for (const entry of stored) {
    for (; change.done !== true && compareKeys(change.value[0], entry[0]) < 0; change = changes.next()) {
      const [key, value] = change.value
      if (value !== undefined) yield [key, value]
    }
    if (change.done !== true && change.value[0] === entry[0]) continue
    yield entry
  }
  for (; change.done !== true; change = changes.next()) {
    const [key, value] = change.value
    if (value !== undefined) yield [key, value]
  }
}

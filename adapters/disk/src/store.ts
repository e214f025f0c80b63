/**
 * The store of the embedded engine: journal, index and state of one data directory, put together. See
 * docs/specs/journal.md for what it promises.
 */
import fs from "node:fs"
import type { Commit, Committed, Extent, OnLost, Slice, StateReader, Store, Stretch } from "@millrace/engine"
import { limits } from "@millrace/model"
import { BlockPlaces } from "./block-places.ts"
import { BlockReader } from "./block-reader.ts"
import { takeDirectory } from "./data-directory.ts"
import { DurableMark } from "./durable-mark.ts"
import { refusal } from "./disk-refusal.ts"
import { fold, type FoldJob } from "./fold.ts"
import { FoldThread } from "./fold-thread.ts"
import { segmentHeaderBytes } from "./frame.ts"
import { Journal } from "./journal.ts"
import type { DirectoryLock } from "./lock.ts"
import { Catalog, type Chapter, type PartitionLog } from "./partition-log.ts"
import { placesIn, type Recovered, recoverJournal } from "./recovery.ts"
import { indexPath } from "./segment-file.ts"
import { buildIndex } from "./segment-index.ts"
import { type ActiveSegment, type ClosedSegment, removeSegment } from "./segments.ts"
import { stateFault } from "./state-fault.ts"
import { readyStateFiles } from "./state-file.ts"
import { type Checkpoint, openStateDatabase, readCheckpoint, type StateDatabase, stateReader } from "./state-store.ts"

export interface DiskStoreOptions {
  /** The data directory; made when it is not there. */
  readonly dir: string
  /** The clock, in ms since the epoch: stamps commits and spaces probes of a disk that refused. */
  readonly now: () => number
  /** Told when commits could not be written. */
  readonly onLost: OnLost
  /** A journal segment is closed once it has grown past this many bytes. @default limits.segmentBytes */
  readonly segmentBytes?: number
  /**
   * How long a commit that is written may wait for its sync, in ms. 0: it counts as durable once it is synced. Above: it counts as
   * soon as it is written, so a killed process loses nothing, and a power cut at most what came in that time. Infinity: it is synced
   * only with checkpoints.
   *
   * @default 0
   */
  readonly syncMs?: number
  /** Bytes of written blocks kept in memory for readers close behind. @default limits.journalTailBytesMax */
  readonly tailBytes?: number
}

/**
 * Opens the store of a data directory: recovers the journal, brings the state up to date, and holds the directory
 * until `close`. The store keeps a block that is given to `append` as it is until it is on the disk: it must not be
 * changed or transferred afterwards. Blocks that `read` returns belong to the caller.
 *
 * @throws MR1301 in use, MR1302 damaged, MR1303 full, MR1304 not writable, MR1305 of another version
 */
export async function openDiskStore(options: DiskStoreOptions): Promise<Store> {
  const { dir } = options
  const lock = takeDirectory(dir)
  let database: StateDatabase | undefined
  let store: DiskStore
  try {
    readyStateFiles(dir)
    database = openStateDatabase(dir)
    const checkpoint = readCheckpoint(database)
    const catalog = new Catalog()
    const recovered = await recoverJournal(dir, checkpoint, catalog)
    store = new DiskStore(options, { lock, database, checkpoint, catalog, recovered })
  } catch (error) {
    await database?.close()
    lock.release()
    throw stateFault(error, dir)
  }
  try {
    await store.fold()
    return store
  } catch (error) {
    await store.close()
    throw error
  }
}

/** What opening found, which the store takes over. */
interface Opened {
  readonly lock: DirectoryLock
  readonly database: StateDatabase
  readonly checkpoint: Checkpoint | undefined
  readonly catalog: Catalog
  readonly recovered: Recovered
}

class DiskStore implements Store {
  readonly state: StateReader
  readonly #dir: string
  readonly #salt: number
  readonly #lock: DirectoryLock
  readonly #database: StateDatabase
  readonly #catalog: Catalog
  readonly #closed: ClosedSegment[]
  readonly #journal: Journal
  readonly #reader: BlockReader
  readonly #mark: DurableMark
  #folded: Omit<Checkpoint, "ends">
  /** Journal bytes, counted like the journal's `totalBytes`, up to which state is folded. */
  #foldedBytes = 0
  #folding: Promise<void> = Promise.resolve()
  readonly #foldThread: FoldThread
  #sweeping: Promise<void> = Promise.resolve()
  readonly #indexing = new Set<Promise<void>>()
  #closing: Promise<void> | undefined

  constructor(options: DiskStoreOptions, { lock, database, checkpoint, catalog, recovered }: Opened) {
    const { dir, now, onLost } = options
    const { salt, closed, active, nextSequence } = recovered
    this.#dir = dir
    this.#lock = lock
    this.#database = database
    this.#catalog = catalog
    this.#salt = salt
    this.#closed = closed
    this.#foldThread = new FoldThread(dir)
    this.#folded = checkpoint ?? { sequence: 0, segment: 0, position: segmentHeaderBytes }
    this.#mark = new DurableMark(dir)
    this.#mark.set(nextSequence)
    this.#journal = new Journal({
      dir,
      salt,
      catalog: this.#catalog,
      mark: this.#mark,
      active,
      nextSequence,
      segmentBytes: options.segmentBytes ?? limits.segmentBytes,
      tailBytesMost: options.tailBytes ?? limits.journalTailBytesMax,
      syncMs: options.syncMs ?? 0,
      now,
      onLost,
      onClosed: (segment, endSequence) => this.#onClosed(segment, endSequence),
    })
    this.#reader = new BlockReader({
      dir,
      salt,
      activeBase: () => this.#journal.active.base,
      rebuild: (segment, log) => placesIn(dir, salt, segment, log.stream, log.partition),
    })
    this.state = stateReader(database, () => {})
    this.#foldedBytes = -this.#bytesSince(this.#folded)
  }

  append(commit: Commit): Committed {
    return this.#journal.append(commit)
  }

  durable(sequence: number): Promise<void> {
    return this.#journal.durable(sequence)
  }

  get queuedBytes(): number {
    return this.#journal.queuedBytes
  }

  get durableSequence(): number {
    return this.#journal.durableSequence
  }

  get foldedSequence(): number {
    return this.#folded.sequence
  }

  get unfoldedBytes(): number {
    return this.#journal.totalBytes - this.#foldedBytes
  }

  extent(stream: string, partition: number): Extent {
    const log = this.#catalog.get(stream, partition)
    return log === undefined
      ? { first: 0, durable: 0, next: 0 }
      : { first: log.first, durable: log.durable, next: log.next }
  }

  async read(stream: string, partition: number, from: number, bytesMost: number): Promise<Slice[]> {
    if (this.#closing !== undefined) throw new Error("the store is closed")
    const log = this.#catalog.get(stream, partition)
    return log === undefined ? [] : await this.#reader.read(log, from, bytesMost)
  }

  fold(): Promise<void> {
    // One at a time; each takes what is durable when it begins.
    const folded = this.#folding.then(() => this.#fold())
    this.#folding = folded.catch(() => {})
    return folded
  }

  sweep(wanted: (stretch: Stretch) => boolean): Promise<number> {
    // One at a time, so that files go in the order of their age.
    const swept = this.#sweeping.then(() => this.#sweep(wanted))
    this.#sweeping = swept.then(
      () => {},
      () => {},
    )
    return swept
  }

  close(options?: { readonly fold?: boolean }): Promise<void> {
    this.#closing ??= this.#close(options?.fold === true)
    return this.#closing
  }

  async #close(fold: boolean): Promise<void> {
    await this.#journal.close()
    try {
      if (fold) await this.fold()
      await this.#folding
      await this.#sweeping
      await Promise.all(this.#indexing)
    } finally {
      await this.#foldThread.close()
      this.#mark.close()
      this.#reader.close()
      await this.#database.close()
      this.#lock.release()
    }
  }

  async #sweep(wanted: (stretch: Stretch) => boolean): Promise<number> {
    await Promise.all(this.#indexing)
    let freed = 0
    for (let oldest = this.#closed[0]; oldest !== undefined; oldest = this.#closed[0]) {
      if (oldest.endSequence > this.#folded.sequence || oldest.logs.some((log) => wanted(stretchOf(log)))) break
      // Gone for readers first: a reader must not find a place without its file.
      this.#closed.shift()
      const chapters = oldest.logs.map((log) => log.chapters.shift() as Chapter)
      this.#reader.forget(oldest.base, chapters)
      try {
        await removeSegment(this.#dir, oldest.base)
      } catch (error) {
        throw refusal(error, this.#dir)
      }
      freed += oldest.bytes
    }
    return freed
  }

  async #fold(): Promise<void> {
    const { active, durableSequence, totalBytes } = this.#journal
    if (durableSequence === this.#folded.sequence) return
    const segments = [...this.#closed.filter((segment) => segment.endSequence > this.#folded.sequence), active].map(
      ({ base, bytes }) => ({ base, bytes }),
    )
    const job: FoldJob = {
      dir: this.#dir,
      salt: this.#salt,
      from: this.#folded,
      segments,
      endSequence: durableSequence,
    }
    // A checkpoint must not be ahead of the journal after a power cut.
    await this.#journal.sync()
    const { sequence, segment, position } =
      this.unfoldedBytes <= limits.foldInlineBytesMax ? this.#foldHere(job) : await this.#foldThread.fold(job)
    this.#folded = { sequence, segment, position }
    this.#foldedBytes = totalBytes
  }

  #foldHere(job: FoldJob): Checkpoint {
    try {
      return fold(this.#database, job)
    } catch (error) {
      throw stateFault(error, this.#dir)
    }
  }

  /** Journal bytes behind a checkpoint. */
  #bytesSince({ sequence, segment, position }: Omit<Checkpoint, "ends">): number {
    const { base, bytes } = this.#journal.active
    const all = [...this.#closed.filter(({ endSequence }) => endSequence > sequence), { base, bytes }]
    return all.reduce((sum, each) => sum + each.bytes - (each.base === segment ? position : segmentHeaderBytes), 0)
  }

  /** A segment is full: its places go into its index file, memory keeps where they are. */
  #onClosed(segment: ActiveSegment, endSequence: number): void {
    fs.closeSync(segment.fd)
    const logs = [...segment.logs]
    const { base, bytes } = segment
    const { file, summary } = buildIndex({ base, endSequence, bytes }, logs)
    for (const [i, { stream: _, partition: __, ...chapter }] of summary.chapters.entries()) {
      const log = logs[i] as PartitionLog
      log.chapters.push(chapter)
      this.#reader.keepPlaces(chapter, log.places)
      log.places = new BlockPlaces(0)
    }
    this.#closed.push({ base, endSequence, bytes, logs })
    const path = indexPath(this.#dir, base)
    const written = fs.promises.writeFile(path, file).catch(() => {
      // A derived file: readers and the next opening find the places in the segment.
    })
    this.#indexing.add(written)
    void written.then(() => this.#indexing.delete(written))
  }
}

function stretchOf(log: PartitionLog): Stretch {
  const { end, appendedAt } = log.chapters[0] as Chapter
  return { stream: log.stream, partition: log.partition, end, appendedAt }
}

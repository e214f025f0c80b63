/**
 * The writer of the journal: takes commits, decides their offsets, writes them in groups. Not for reading, recovery or
 * state.
 *
 * One group is being written and synced while the next fills. With `syncMs`, a group counts as soon as it is written, and is synced
 * with others within that time: a killed process loses nothing, a power cut what was not synced. The mark is that of the sync.
 * Without it, commits that nobody waits for are let wait a moment for others, so that they cost no sync of their own.
 *
 * A group that cannot be written is cut off again, its offsets are taken back, and the journal refuses until the disk takes a probe:
 *
 * ```
 *            append                 written and synced
 *   idle ──────────────> writing ────────────────────────> idle, or writing the next group
 *                           │ fault
 *                           v        append, after a while           probe written
 *                        refusing ────────────────────────> probing ────────────────> idle
 *                           ^                                  │ fault
 *                           └──────────────────────────────────┘
 * ```
 */
import fs from "node:fs"
import type { Commit, Committed, OnLost } from "@millrace/engine"
import { limits, type MillraceError } from "@millrace/model"
import { damage, refusal } from "./disk-refusal.ts"
import type { DurableMark } from "./durable-mark.ts"
import { segmentHeaderBytes } from "./frame.ts"
import { Group } from "./group.ts"
import type { Catalog, PartitionLog, RecentBlock } from "./partition-log.ts"
import { datasync, writeAll } from "./promised.ts"
import { SegmentFile } from "./segment-file.ts"
import { scan } from "./segment-scan.ts"
import { type ActiveSegment, createSegment } from "./segments.ts"

export interface JournalOptions {
  readonly dir: string
  readonly salt: number
  readonly catalog: Catalog
  readonly mark: DurableMark
  readonly active: ActiveSegment
  readonly nextSequence: number
  readonly segmentBytes: number
  readonly tailBytesMost: number
  /** How long a commit that is written may wait for its sync, in ms: 0, it counts once it is synced; Infinity, it is never synced. */
  readonly syncMs: number
  readonly now: () => number
  readonly onLost: OnLost
  /** Told when a segment is closed; its file belongs to the listener from then on. */
  readonly onClosed: (segment: ActiveSegment, endSequence: number) => void
}

/** The longest page of a file system: bytes this close before a failed write share its fate. */
const pageBytes = 65_536
const probeBytesMax = 1_048_576

export class Journal {
  readonly #options: JournalOptions
  #active: ActiveSegment
  #filling: Group
  #writing: Group | undefined
  #running: Promise<void> | undefined
  #durable: number
  #closed = false
  #syncTimer: NodeJS.Timeout | undefined
  /** Ends the wait of commits that nobody waits for. */
  #patience: NodeJS.Timeout | undefined
  /** The sync that runs, or the last of those that wait for it. */
  #syncing: Promise<void> | undefined
  /** The file is closed, with all that it holds synced. */
  #released = false
  /** Why commits are refused; `probeAt` is when the disk may be tried again, `lost` how much it could not take. */
  #refusing: { readonly reason: MillraceError; readonly probeAt: number; readonly lost: number } | undefined
  #probing: Promise<void> | undefined
  /** Reason of the last loss: the answer to `durable` for a sequence that was taken back. */
  #lost: MillraceError | undefined
  readonly #written: (RecentBlock | undefined)[] = []
  #writtenFrom = 0
  #writtenBytes = 0
  /** Journal bytes on the disk, counted from the opening of the store. */
  totalBytes = 0

  constructor(options: JournalOptions) {
    this.#options = options
    this.#active = options.active
    this.#durable = options.nextSequence
    this.#filling = new Group(options.nextSequence, options.salt)
  }

  get active(): ActiveSegment {
    return this.#active
  }

  get durableSequence(): number {
    return this.#durable
  }

  get queuedBytes(): number {
    return this.#filling.bytes + (this.#writing?.bytes ?? 0)
  }

  append(commit: Commit): Committed {
    if (this.#closed) throw new Error("the store is closed")
    if (this.#refusing !== undefined) throw this.#refused(this.#refusing)
    assertFits(commit)
    const { catalog, now } = this.#options
    const logs: PartitionLog[] = []
    const bases: number[] = []
    for (const { stream, partition, count } of commit.appends) {
      const log = catalog.log(stream, partition)
      logs.push(log)
      bases.push(log.next)
      log.next += count
    }
    const sequence = this.#filling.end
    this.#filling.add(commit, logs, bases, now())
    if (commit.isPatient === true && this.#options.syncMs === 0) this.#wait()
    else this.#hurry()
    return { sequence, bases }
  }

  #wait(): void {
    this.#patience ??= setTimeout(() => {
      this.#patience = undefined
      this.#hurry()
    }, limits.patientCommitMsMax)
  }

  /** Writes what has been committed as soon as it can be. */
  #hurry(): void {
    if (this.#filling.commits === 0) return
    this.#filling.isUrgent = true
    this.#running ??= this.#run()
  }

  durable(sequence: number): Promise<void> {
    if (sequence < this.#durable) return Promise.resolve()
    if (this.#writing !== undefined && sequence < this.#writing.end) return this.#writing.promise
    if (sequence < this.#filling.end) {
      this.#hurry()
      return this.#filling.promise
    }
    return Promise.reject(this.#lost ?? new Error(`commit ${sequence} was never appended`))
  }

  /** Resolves once nothing waits to be written, be it on the disk or lost. */
  async #settle(): Promise<void> {
    this.#hurry()
    while (this.#running !== undefined || this.#probing !== undefined) await (this.#running ?? this.#probing)
  }

  /** Takes no more commits, and lets go of the file once nothing waits to be written. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#settle()
    await this.sync().catch(() => undefined)
    await this.#synced()
    this.#released = true
    fs.closeSync(this.#active.fd)
  }

  async #run(): Promise<void> {
    // Commits of the same turn of the event loop go into the same group.
    await Promise.resolve()
    try {
      while (this.#filling.isUrgent && this.#refusing === undefined) await this.#next()
    } finally {
      // In the same step as the last look at the filling group: a commit that comes later starts the next run.
      this.#running = undefined
    }
  }

  async #next(): Promise<void> {
    clearTimeout(this.#patience)
    this.#patience = undefined
    const group = this.#filling
    this.#writing = group
    this.#filling = new Group(group.end, this.#options.salt)
    try {
      await this.#write(group)
    } catch (error) {
      this.#lose(group, error)
      return
    }
    this.#keep(group)
  }

  async #write(group: Group): Promise<void> {
    if (this.#active.bytes >= this.#options.segmentBytes) await this.#roll(group.first)
    const { fd, bytes } = this.#active
    await writeAll(fd, group.pieces(), bytes)
    if (this.#options.syncMs === 0) await datasync(fd)
    else this.#syncLater()
  }

  /** Syncs what has been written, once for all that is written until then. */
  #syncLater(): void {
    const { syncMs } = this.#options
    if (this.#syncTimer !== undefined || syncMs === Number.POSITIVE_INFINITY) return
    this.#syncTimer = setTimeout(() => {
      this.#syncTimer = undefined
      this.sync().catch((error: unknown) => {
        if (this.#refusing !== undefined) return
        const reason = refusal(error, this.#active.path)
        this.#lost = reason
        this.#refuse(reason, 0)
        this.#options.onLost(this.#filling.end, reason)
      })
    }, syncMs)
  }

  /** Resolves once all that counts as durable is on the disk. One runs at a time, so that a segment is not closed under another. */
  sync(): Promise<void> {
    const before = this.#syncing
    const sync: Promise<void> = (before === undefined ? this.#syncNow() : before.then(() => this.#syncNow(), () => this.#syncNow())).finally(() => {
      if (this.#syncing === sync) this.#syncing = undefined
    })
    this.#syncing = sync
    return sync
  }

  async #syncNow(): Promise<void> {
    if (this.#options.syncMs === 0 || this.#released) return
    const upTo = this.#durable
    await datasync(this.#active.fd)
    this.#mark(upTo)
  }

  /** Resolves when no sync runs; the file may be closed in the same step. */
  async #synced(): Promise<void> {
    clearTimeout(this.#syncTimer)
    this.#syncTimer = undefined
    while (this.#syncing !== undefined) await this.#syncing.catch(() => undefined)
  }

  async #roll(base: number): Promise<void> {
    const closed = this.#active
    // Before there is a younger one: a crash must not leave a hole between the two.
    await this.sync()
    const next = await createSegment(this.#options.dir, base, this.#options.salt)
    await this.#synced()
    this.#active = next
    this.totalBytes += segmentHeaderBytes
    this.#options.onClosed(closed, base)
  }

  /** The group is on the disk: its blocks get their places, whoever waits is told. */
  #keep(group: Group): void {
    const active = this.#active
    for (const block of group.blocks) {
      const { log } = block
      log.places.push({
        position: active.bytes + block.position,
        base: block.base,
        count: block.count,
        length: block.block.length,
        crc: block.crc,
      })
      log.durable = block.base + block.count
      log.appendedAt = block.appendedAt
      active.logs.add(log)
      this.#written.push(block)
      this.#writtenBytes += block.block.length
    }
    active.bytes += group.bytes
    this.totalBytes += group.bytes
    this.#durable = group.end
    this.#writing = undefined
    this.#forget()
    if (this.#options.syncMs === 0) this.#mark(this.#durable)
    group.settled?.resolve()
  }

  #mark(sequence: number): void {
    try {
      this.#options.mark.set(sequence)
    } catch {
      // The group is on the disk all the same; the mark only sharpens what a recovery can tell.
    }
  }

  /** Lets go of the oldest written blocks beyond what memory may hold. */
  #forget(): void {
    while (this.#writtenBytes > this.#options.tailBytesMost) {
      const { log, block } = this.#written[this.#writtenFrom] as RecentBlock
      // At once: the list itself is cut only now and then, and blocks may be large.
      this.#written[this.#writtenFrom++] = undefined
      this.#writtenBytes -= block.length
      log.forgetOldest()
    }
    if (this.#writtenFrom < 1024 || this.#writtenFrom * 2 < this.#written.length) return
    this.#written.splice(0, this.#writtenFrom)
    this.#writtenFrom = 0
  }

  /** The group could not be written: it and what was built on it never happened. */
  #lose(group: Group, cause: unknown): void {
    const { onLost, salt } = this.#options
    const reason = refusal(cause, this.#active.path)
    const next = this.#filling
    this.#writing = undefined
    this.#filling = new Group(this.#durable, salt)
    for (const { log } of [...group.blocks, ...next.blocks]) log.rewind()
    this.#lost = reason
    this.#refuse(reason, group.bytes + next.bytes)
    try {
      // What was written in part must not come back to life after a crash.
      fs.ftruncateSync(this.#active.fd, this.#active.bytes)
    } catch {
      // The probe does it before anything else is written.
    }
    try {
      onLost(this.#durable, reason)
    } finally {
      group.settled?.reject(reason)
      next.settled?.reject(reason)
    }
  }

  #refuse(reason: MillraceError, lost: number): void {
    this.#refusing = { reason, probeAt: this.#options.now() + limits.diskProbeMsMin, lost }
  }

  #refused({
    reason,
    probeAt,
    lost,
  }: {
    readonly reason: MillraceError
    readonly probeAt: number
    readonly lost: number
  }): MillraceError {
    if (this.#probing === undefined && this.#options.now() >= probeAt)
      this.#probing = this.#probe(lost).finally(() => (this.#probing = undefined))
    return reason
  }

  /**
   * Finds out whether the disk takes writes again. After a failed fdatasync nobody knows which of the pages reached the
   * disk, and the operating system takes them for clean: the end of the segment is checked and written once more, and
   * only when that and some new bytes are synced does the journal go on.
   */
  async #probe(lost: number): Promise<void> {
    const active = this.#active
    try {
      // A new descriptor, so that a fault is reported to it and not taken for one that was reported before.
      const fd = fs.openSync(active.path, "r+")
      try {
        fs.ftruncateSync(fd, active.bytes)
        const end = scan(
          new SegmentFile(fd),
          this.#options.salt,
          { position: segmentHeaderBytes, sequence: active.base },
          "all",
          () => {},
        )
        if (end.fault !== undefined || end.sequence !== this.#durable) {
          throw damage(
            active.path,
            end.position,
            end.fault ?? "acknowledged commits are missing after the disk failed",
            { sequence: end.sequence },
          )
        }
        const from = Math.max(0, active.bytes - pageBytes)
        const tail = Buffer.alloc(active.bytes - from)
        fs.readSync(fd, tail, 0, tail.length, from)
        await writeAll(fd, [tail, Buffer.alloc(Math.min(Math.max(lost, pageBytes), probeBytesMax))], from)
        await datasync(fd)
        fs.ftruncateSync(fd, active.bytes)
        await datasync(fd)
      } finally {
        fs.closeSync(fd)
      }
      this.#refusing = undefined
    } catch (error) {
      this.#refuse(refusal(error, active.path), lost)
    }
  }
}

function assertFits(commit: Commit): void {
  let bytes = 0
  for (const { block, stream } of commit.appends) bytes += block.length + stream.length * 3
  for (const section of commit.state) bytes += section.length
  if (bytes > limits.frameBytesMax) throw new Error(`a commit of ${bytes} bytes is larger than a frame may be`)
}

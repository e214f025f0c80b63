/**
 * Commits that go to the disk together: one write, one fdatasync. Small things are copied into one run of bytes, large
 * blocks are written from where the caller has them, so a group is a list of pieces for one vectored write.
 */
import { crc32 } from "node:zlib"
import type { Commit } from "@millrace/engine"
import { type HeadAppend, headLength, writeHead } from "./frame.ts"
import type { PartitionLog, RecentBlock } from "./partition-log.ts"

/** Below this size copying a block is cheaper than one more piece of the write. */
const copiedBytesMost = 4096
/** A run of copied bytes grows with its group: a lone small commit must not cost a large allocation. */
const runBytesMin = 1024
const runBytesMax = 65_536

export class Group {
  /** Sequence of its first commit; everything before is on the disk when the group is written. */
  readonly first: number
  /** Somebody waits for one of its commits. */
  isUrgent = false
  commits = 0
  bytes = 0
  readonly blocks: RecentBlock[] = []
  readonly #salt: number
  readonly #pieces: Uint8Array[] = []
  #run: Buffer = Buffer.alloc(0)
  #runFrom = 0
  #runEnd = 0
  #settled: PromiseWithResolvers<void> | undefined

  constructor(first: number, salt: number) {
    this.first = first
    this.#salt = salt
  }

  /** One past its last sequence. */
  get end(): number {
    return this.first + this.commits
  }

  /** Settled when the group is on the disk or lost. */
  get settled(): PromiseWithResolvers<void> | undefined {
    return this.#settled
  }

  get promise(): Promise<void> {
    this.#settled ??= Promise.withResolvers<void>()
    return this.#settled.promise
  }

  add(commit: Commit, logs: readonly PartitionLog[], bases: readonly number[], appendedAt: number): void {
    const appends: HeadAppend[] = []
    for (const [i, { block, count }] of commit.appends.entries()) {
      // An append of no entries takes no offset and leaves no trace.
      if (count === 0) continue
      const log = logs[i] as PartitionLog
      appends.push({
        name: log.name,
        partition: log.partition,
        base: bases[i] as number,
        count,
        block,
        crc: crc32(block, this.#salt),
      })
    }
    const length = headLength(appends, commit.state)
    this.#reserve(length)
    const frame = { sequence: this.end, durableBefore: this.first, appendedAt }
    this.#runEnd = writeHead(this.#run, this.#runEnd, frame, appends, commit.state, this.#salt)
    this.bytes += length
    let i = 0
    for (const [at, { block, count }] of commit.appends.entries()) {
      if (count === 0) continue
      const log = logs[at] as PartitionLog
      const { base, crc } = appends[i++] as HeadAppend
      const recent = { log, appendedAt, base, count, block: apart(block), crc, position: this.bytes }
      this.blocks.push(recent)
      log.remember(recent)
      this.#add(block)
    }
    for (const section of commit.state) this.#add(section)
    this.commits++
  }

  /** What is to be written, in order. The group takes no more commits. */
  pieces(): Uint8Array[] {
    this.#cut()
    const length = this.#pieces.reduce((sum, piece) => sum + piece.length, 0)
    if (length !== this.bytes) throw new Error("a block was changed or transferred away after it was appended")
    return this.#pieces
  }

  #add(bytes: Uint8Array): void {
    if (bytes.length > copiedBytesMost) {
      this.#cut()
      this.#pieces.push(bytes)
    } else {
      this.#reserve(bytes.length)
      this.#run.set(bytes, this.#runEnd)
      this.#runEnd += bytes.length
    }
    this.bytes += bytes.length
  }

  #reserve(length: number): void {
    if (this.#run.length - this.#runEnd >= length) return
    this.#cut()
    this.#run = Buffer.allocUnsafe(Math.max(length, Math.min(runBytesMax, Math.max(runBytesMin, this.bytes))))
    this.#runFrom = 0
    this.#runEnd = 0
  }

  #cut(): void {
    if (this.#runEnd > this.#runFrom) this.#pieces.push(this.#run.subarray(this.#runFrom, this.#runEnd))
    this.#runFrom = this.#runEnd
  }
}

/** A block by itself, where it is a small part of what arrived together: what is remembered must not hold on to the rest. */
function apart(block: Uint8Array): Uint8Array {
  return 2 * block.byteLength < block.buffer.byteLength ? block.slice() : block
}

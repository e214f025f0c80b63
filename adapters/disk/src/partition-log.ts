/**
 * What the store knows of the log of one stream and partition: which offsets lie in which closed segment, in the
 * active segment and in memory.
 *
 * ```
 * first …… chapters (closed segments) …… | places (active segment) …… durable …… | recent, not yet written …… next
 *                                                       recent, written …………………… |
 * ```
 */
import type { Slice } from "@millrace/engine"
import { BlockPlaces } from "./block-places.ts"
import type { Section } from "./frame.ts"

/** The part of the log that lies in one closed segment. */
export interface Chapter {
  /** Base of the segment. */
  readonly segment: number
  readonly first: number
  readonly end: number
  /** When its last entry was appended, in ms. */
  readonly appendedAt: number
  /** Where its {@link BlockPlaces} lie in the segment's index file. */
  readonly index: Section
}

/** A block that is still in memory. */
export interface RecentBlock extends Slice {
  readonly log: PartitionLog
  readonly appendedAt: number
  readonly crc: number
  /** Where the block begins, counted from the start of its group's bytes. */
  readonly position: number
}

export class PartitionLog {
  readonly stream: string
  readonly partition: number
  /** The stream's name in UTF-8. */
  readonly name: Buffer
  /** One past the newest offset appended, and on the disk. */
  next = 0
  durable = 0
  /** Oldest first, without gaps. */
  chapters: Chapter[] = []
  /** Blocks in the active segment, and when the last of them was appended. */
  places: BlockPlaces = new BlockPlaces(0)
  appendedAt = 0
  readonly #recent: (RecentBlock | undefined)[] = []
  #recentFrom = 0

  constructor(stream: string, partition: number, name: Buffer) {
    this.stream = stream
    this.partition = partition
    this.name = name
  }

  get first(): number {
    const chapter = this.chapters[0]
    if (chapter !== undefined) return chapter.first
    return this.places.size > 0 ? this.places.first : this.durable
  }

  remember(block: RecentBlock): void {
    this.#recent.push(block)
  }

  /** Lets go of the oldest block in memory, which has been written. */
  forgetOldest(): void {
    this.#recent[this.#recentFrom++] = undefined
    if (this.#recentFrom < 64 || this.#recentFrom * 2 < this.#recent.length) return
    this.#recent.splice(0, this.#recentFrom)
    this.#recentFrom = 0
  }

  /** Forgets what was appended and could not be written. */
  rewind(): void {
    this.next = this.durable
    while (this.#recent.length > this.#recentFrom && (this.#recent.at(-1) as RecentBlock).base >= this.durable)
      this.#recent.pop()
  }

  /** The blocks in memory from the one that holds `offset` on, if it is there. */
  recentFrom(offset: number, bytesMost: number): RecentBlock[] {
    const recent = this.#recent
    if (this.#recentFrom === recent.length || (recent[this.#recentFrom] as RecentBlock).base > offset) return []
    let low = this.#recentFrom
    let high = recent.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((recent[middle] as RecentBlock).base <= offset) low = middle
      else high = middle - 1
    }
    const blocks: RecentBlock[] = []
    for (let bytes = 0; low < recent.length; low++) {
      const block = recent[low] as RecentBlock
      bytes += block.block.length
      if (blocks.length > 0 && bytes > bytesMost) break
      blocks.push(block)
    }
    return blocks
  }

  /** The closed segment that holds an offset, if one does. */
  chapterOf(offset: number): Chapter | undefined {
    const { chapters } = this
    let low = 0
    let high = chapters.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((chapters[middle] as Chapter).first <= offset) low = middle
      else high = middle - 1
    }
    const chapter = chapters[low]
    return chapter !== undefined && chapter.first <= offset && offset < chapter.end ? chapter : undefined
  }
}

/** All partition logs of a store. */
export class Catalog implements Iterable<PartitionLog> {
  readonly #streams = new Map<string, PartitionLog[]>()
  readonly #logs: PartitionLog[] = []

  /** The log, made when it is not there yet. */
  log(stream: string, partition: number): PartitionLog {
    let partitions = this.#streams.get(stream)
    if (partitions === undefined) this.#streams.set(stream, (partitions = []))
    let log = partitions[partition]
    if (log === undefined) {
      log = new PartitionLog(stream, partition, Buffer.from(stream, "utf8"))
      partitions[partition] = log
      this.#logs.push(log)
    }
    return log
  }

  get(stream: string, partition: number): PartitionLog | undefined {
    return this.#streams.get(stream)?.[partition]
  }

  [Symbol.iterator](): Iterator<PartitionLog> {
    return this.#logs.values()
  }
}

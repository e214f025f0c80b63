/**
 * Reads entries back: from memory when they are recent, else from the segments, neighbours in one go. Every block is
 * held against its checksum before it is handed out.
 */
import fs from "node:fs"
import { crc32 } from "node:zlib"
import type { Slice } from "@millrace/engine"
import { limits, MillraceError } from "@millrace/model"
import { BlockPlaces, type Place } from "./block-places.ts"
import { damage, errorNumber } from "./disk-refusal.ts"
import type { Chapter, PartitionLog } from "./partition-log.ts"
import { readFully } from "./promised.ts"
import { indexPath, segmentPath } from "./segment-file.ts"

/** Bytes between two blocks that are cheaper read over than read around. */
const gapBytesMax = 16_384

interface OpenFile {
  readonly fd: number
  users: number
  /** No longer in the cache: the last user closes it. */
  gone: boolean
}

export interface BlockReaderOptions {
  readonly dir: string
  readonly salt: number
  readonly activeBase: () => number
  /** The places of a log in a closed segment, found again in the segment itself because the index file is damaged. */
  readonly rebuild: (segment: number, log: PartitionLog) => BlockPlaces
}

export class BlockReader {
  readonly #options: BlockReaderOptions
  /** By base, least recently used first. */
  readonly #files = new Map<number, OpenFile>()
  readonly #places = new Map<Chapter, BlockPlaces>()
  #placesBytes = 0

  constructor(options: BlockReaderOptions) {
    this.#options = options
  }

  async read(log: PartitionLog, from: number, bytesMost: number): Promise<Slice[]> {
    if (from >= log.next) return []
    if (from < log.first) {
      const { stream, partition, first, next } = log
      const message =
        `Stream "${stream}", partition ${partition} keeps offsets from ${first} on; ${from} was deleted by its ` +
        `retention. Read from ${first}, or from "earliest".`
      throw new MillraceError("MR1014", message, { stream, partition, offset: from, first, next })
    }
    const recent = log.recentFrom(from, bytesMost)
    if (recent.length > 0) return [joined(recent)]
    const chapter = log.chapterOf(from)
    const segment = chapter?.segment ?? this.#options.activeBase()
    // Opened before anything is awaited, so that a sweep cannot take the file away in between.
    const file = this.#open(segment)
    try {
      const places =
        chapter === undefined ? log.places : (this.#places.get(chapter) ?? (await this.#load(chapter, log)))
      return await this.#slices(file.fd, segment, log, wanted(places, from, bytesMost))
    } catch (error) {
      throw unreadable(error, segmentPath(this.#options.dir, segment))
    } finally {
      this.#release(file)
    }
  }

  /** Forgets a segment that was deleted. */
  forget(segment: number, chapters: Iterable<Chapter>): void {
    const file = this.#files.get(segment)
    if (file !== undefined) this.#drop(segment, file)
    for (const chapter of chapters) this.#evict(chapter)
  }

  close(): void {
    for (const [segment, file] of this.#files) this.#drop(segment, file)
  }

  async #slices(fd: number, segment: number, log: PartitionLog, places: readonly Place[]): Promise<Slice[]> {
    const length = places.reduce((sum, place) => sum + place.length, 0)
    const block = Buffer.allocUnsafeSlow(length)
    let filled = 0
    let count = 0
    for (let from = 0; from < places.length;) {
      const to = spanEnd(places, from)
      const start = (places[from] as Place).position
      const last = places[to - 1] as Place
      const lone = to - from === 1
      const span = lone
        ? block.subarray(filled, filled + last.length)
        : Buffer.allocUnsafe(last.position + last.length - start)
      const got = await readFully(fd, span, start)
      for (; from < to; from++) {
        const place = places[from] as Place
        const bytes = span.subarray(place.position - start, Math.min(place.position - start + place.length, got))
        if (bytes.length < place.length || crc32(bytes, this.#options.salt) !== place.crc) {
          // What lies before the damage is good: the next read meets the damage and names it.
          if (count > 0) return [slice(places, block, filled, count)]
          throw this.#damaged(segment, log, place)
        }
        if (!lone) bytes.copy(block, filled)
        filled += place.length
        count += place.count
      }
    }
    return [slice(places, block, filled, count)]
  }

  #damaged(segment: number, log: PartitionLog, place: Place): MillraceError {
    const { stream, partition } = log
    const end = place.base + place.count
    const entries = `offsets ${place.base} to ${end - 1}`
    const what = `stream "${stream}", partition ${partition}, ${entries} do not fit their checksum`
    return damage(segmentPath(this.#options.dir, segment), place.position, what, {
      stream,
      partition,
      base: place.base,
      end,
    })
  }

  async #load(chapter: Chapter, log: PartitionLog): Promise<BlockPlaces> {
    const { position, length, crc } = chapter.index
    const bytes = new Uint8Array(length)
    let whole = false
    try {
      const fd = fs.openSync(indexPath(this.#options.dir, chapter.segment), "r")
      try {
        whole = (await readFully(fd, bytes, position)) === length && crc32(bytes) === crc
      } finally {
        fs.closeSync(fd)
      }
    } catch {
      // A derived file: whatever is wrong with it, the segment has what it said.
    }
    const places = whole ? BlockPlaces.fromBytes(bytes) : this.#options.rebuild(chapter.segment, log)
    this.keepPlaces(chapter, places)
    return places
  }

  /** Keeps the places of a chapter at hand, the latest used ones. */
  keepPlaces(chapter: Chapter, places: BlockPlaces): void {
    this.#evict(chapter)
    this.#places.set(chapter, places)
    this.#placesBytes += places.byteLength
    for (const oldest of this.#places.keys()) {
      if (this.#placesBytes <= limits.segmentIndexBytesMax || oldest === chapter) break
      this.#evict(oldest)
    }
  }

  #evict(chapter: Chapter): void {
    this.#placesBytes -= this.#places.get(chapter)?.byteLength ?? 0
    this.#places.delete(chapter)
  }

  #open(segment: number): OpenFile {
    let file = this.#files.get(segment)
    if (file === undefined)
      file = { fd: openForReading(segmentPath(this.#options.dir, segment)), users: 0, gone: false }
    else this.#files.delete(segment)
    this.#files.set(segment, file)
    file.users++
    if (this.#files.size > limits.segmentsOpenMax) {
      const [oldest] = this.#files as Iterable<[number, OpenFile]>
      if (oldest !== undefined) this.#drop(...oldest)
    }
    return file
  }

  #release(file: OpenFile): void {
    file.users--
    if (file.gone && file.users === 0) fs.closeSync(file.fd)
  }

  #drop(segment: number, file: OpenFile): void {
    this.#files.delete(segment)
    file.gone = true
    if (file.users === 0) fs.closeSync(file.fd)
  }
}

function openForReading(path: string): number {
  try {
    return fs.openSync(path, "r")
  } catch (error) {
    throw unreadable(error, path)
  }
}

/** A fault of the device, or a file taken away from under the store, as what it is: damage. */
function unreadable(error: unknown, path: string): unknown {
  const code = errorNumber(error)
  return code === "" ? error : damage(path, 0, `it cannot be read (${code})`, { code })
}

/** The places from the one that holds `from` on, up to about `bytesMost` bytes, at least one. */
function wanted(places: BlockPlaces, from: number, bytesMost: number): Place[] {
  const chosen: Place[] = []
  let bytes = 0
  for (let i = places.find(from); i < places.size; i++) {
    const place = places.at(i)
    bytes += place.length
    if (chosen.length > 0 && bytes > bytesMost) break
    chosen.push(place)
  }
  return chosen
}

/** One past the last of the places that are read together with the one at `from`. */
function spanEnd(places: readonly Place[], from: number): number {
  const start = (places[from] as Place).position
  let to = from + 1
  for (; to < places.length; to++) {
    const before = places[to - 1] as Place
    const place = places[to] as Place
    if (place.position - before.position - before.length > gapBytesMax) break
    if (place.position + place.length - start > limits.journalSpanBytesMax) break
  }
  return to
}

function slice(places: readonly Place[], block: Buffer<ArrayBuffer>, filled: number, count: number): Slice {
  return { base: (places[0] as Place).base, count, block: new Uint8Array(block.buffer, block.byteOffset, filled) }
}

/** Blocks in memory as one of its own: what is queued for the disk must stay as it is. */
function joined(blocks: readonly Slice[]): Slice {
  const block = new Uint8Array(blocks.reduce((sum, each) => sum + each.block.length, 0))
  let at = 0
  let count = 0
  for (const each of blocks) {
    block.set(each.block, at)
    at += each.block.length
    count += each.count
  }
  return { base: (blocks[0] as Slice).base, count, block }
}

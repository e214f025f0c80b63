/**
 * The index beside a closed segment: which blocks it holds and where. Derived from the segment and rebuilt from it
 * when missing or damaged, so it is written without an fsync.
 *
 * ```
 * header:    "MRINDEX1" | f64 base | f64 end sequence | f64 segment bytes | u32 directory length |
 *            u32 crc of the 36 bytes before and the directory
 * directory: entries x ( u16 name length | name | u16 partition | f64 first | f64 end | f64 appended at |
 *            f64 position | u32 length | u32 crc )
 * then the columns of BlockPlaces of each entry
 * ```
 */
import fs from "node:fs"
import { crc32 } from "node:zlib"
import { ByteReader, ByteWriter } from "@millrace/model"
import type { BlockPlaces } from "./block-places.ts"
import type { Chapter } from "./partition-log.ts"

const magic = "MRINDEX1"
const headerBytes = 40

/** One log's part of a segment, before it is a chapter. */
export interface IndexEntry {
  readonly stream: string
  readonly partition: number
  readonly appendedAt: number
  readonly places: BlockPlaces
}

/** What is known of a closed segment. */
export interface SegmentSummary {
  readonly base: number
  /** One past its last sequence. */
  readonly endSequence: number
  /** Its length in bytes. */
  readonly bytes: number
  readonly chapters: ReadonlyArray<Chapter & { readonly stream: string; readonly partition: number }>
}

/** The index of a segment as bytes, and as what memory keeps of it. */
export function buildIndex(
  segment: { readonly base: number; readonly endSequence: number; readonly bytes: number },
  entries: readonly IndexEntry[],
): { readonly file: Buffer; readonly summary: SegmentSummary } {
  const columns = entries.map((entry) => entry.places.toBytes())
  const named = entries.map((entry) => Buffer.from(entry.stream, "utf8"))
  const directoryLength = named.reduce((sum, name) => sum + 2 + name.length + 2 + 8 + 8 + 8 + 8 + 4 + 4, 0)
  const writer = new ByteWriter(headerBytes + directoryLength)
  writer.utf8(magic)
  writer.f64(segment.base)
  writer.f64(segment.endSequence)
  writer.f64(segment.bytes)
  writer.u32(directoryLength)
  writer.u32(0)
  const chapters: Array<SegmentSummary["chapters"][number]> = []
  // The columns are read back in place as f64 arrays only after a copy, so they need no alignment here.
  let position = headerBytes + directoryLength
  for (const [i, entry] of entries.entries()) {
    const bytes = columns[i] as Buffer
    const index = { position, length: bytes.length, crc: crc32(bytes) }
    position += bytes.length
    const { stream, partition, appendedAt } = entry
    const { first, end } = entry.places
    chapters.push({ segment: segment.base, stream, partition, first, end, appendedAt, index })
    writer.text16(stream)
    writer.u16(partition)
    for (const number of [first, end, appendedAt, index.position]) writer.f64(number)
    writer.u32(index.length)
    writer.u32(index.crc)
  }
  const head = Buffer.from(writer.take().buffer)
  head.writeUInt32LE(headCrc(head), 36)
  return { file: Buffer.concat([head, ...columns]), summary: { ...segment, chapters } }
}

/** Reads the summary in an index file; undefined when there is none or it is damaged. */
export function readIndexSummary(file: string): SegmentSummary | undefined {
  let fd: number | undefined
  try {
    fd = fs.openSync(file, "r")
    const header = Buffer.alloc(headerBytes)
    if (fs.readSync(fd, header, 0, headerBytes, 0) < headerBytes || header.toString("latin1", 0, 8) !== magic)
      return undefined
    const length = header.readUInt32LE(32)
    if (length > fs.fstatSync(fd).size) return undefined
    const head = Buffer.alloc(headerBytes + length)
    if (fs.readSync(fd, head, 0, head.length, 0) < head.length) return undefined
    return headCrc(head) === head.readUInt32LE(36) ? parseSummary(head) : undefined
  } catch {
    // Whatever is wrong with a derived file, it is rebuilt.
    return undefined
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

function headCrc(head: Buffer): number {
  return crc32(head.subarray(headerBytes), crc32(head.subarray(0, 36)))
}

function parseSummary(head: Buffer): SegmentSummary {
  const reader = new ByteReader(head, 8)
  const [base, endSequence, bytes] = [reader.f64(), reader.f64(), reader.f64()]
  reader.at = headerBytes
  const chapters: Array<SegmentSummary["chapters"][number]> = []
  while (!reader.done) {
    const stream = reader.text16()
    const partition = reader.u16()
    const [first, end, appendedAt, position] = [reader.f64(), reader.f64(), reader.f64(), reader.f64()]
    const index = { position, length: reader.u32(), crc: reader.u32() }
    chapters.push({ segment: base, stream, partition, first, end, appendedAt, index })
  }
  return { base, endSequence, bytes, chapters }
}

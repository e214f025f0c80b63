/**
 * The bytes of the journal: the header of a segment and the frame of one commit. Not for reading files; see
 * segment-scan.ts.
 *
 * All numbers are little-endian; offsets, sequences and times are f64 holding whole numbers.
 *
 * ```
 * segment:  "MILLRACE" | u32 format | u32 salt | f64 base | u32 0 | u32 crc of the 28 bytes before        (32 bytes)
 * frame:    u32 magic | u32 crc of what follows up to the blocks | u32 head length | head | blocks | state sections
 * head:     f64 sequence | f64 durable before | f64 appended at | u32 appends | u32 sections |
 *           appends x ( u16 name length | name | u16 partition | f64 base | u32 count | u32 length | u32 crc )
 *           sections x ( u32 length | u32 crc )
 * ```
 *
 * Every checksum of a frame starts from the journal's salt, so that a record whose value is a piece of some journal
 * is never taken for a frame. `durable before` is the first sequence of the group in which the frame was written:
 * all earlier commits were on the disk by then. It tells a torn write, which nobody was promised, from damage.
 */
import { crc32 } from "node:zlib"

/** Version of the layout of the data directory; another one is refused with MR1305. */
export const formatVersion = 2

export const segmentHeaderBytes = 32
const segmentMagic = Buffer.from("MILLRACE", "latin1")

/** First bytes of a frame: bytes that are not UTF-8, so JSON records do not contain them. */
export const frameMagic: Buffer = Buffer.from([0xf7, 0x4d, 0x52, 0xfe])
const frameMagicWord = frameMagic.readUInt32LE(0)

/** Bytes before the head: magic, crc, head length. */
export const framePrefixBytes = 12
const headFixedBytes = 8 + 8 + 8 + 4 + 4
const appendFixedBytes = 2 + 2 + 8 + 4 + 4 + 4
const sectionBytes = 8
/** No head is longer: a length above it is damage. */
export const headBytesMax = 16_777_216

/** A range of bytes of a segment and their checksum. */
export interface Section {
  readonly position: number
  readonly length: number
  readonly crc: number
}

/** Where one block lies and which entries it holds. */
interface BlockPlace extends Section {
  readonly stream: string
  readonly partition: number
  readonly base: number
  readonly count: number
}

/** A frame's head, with the places of its blocks and state sections in the file. */
export interface Frame {
  readonly position: number
  /** One past the frame's last byte. */
  readonly end: number
  readonly sequence: number
  readonly durableBefore: number
  readonly appendedAt: number
  readonly appends: readonly BlockPlace[]
  readonly sections: readonly Section[]
}

export interface SegmentHeader {
  readonly salt: number
  readonly base: number
}

export function segmentHeader({ salt, base }: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(segmentHeaderBytes)
  segmentMagic.copy(bytes)
  bytes.writeUInt32LE(formatVersion, 8)
  bytes.writeUInt32LE(salt, 12)
  bytes.writeDoubleLE(base, 16)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28)
  return bytes
}

/** The header in the first bytes of a segment, or undefined when they are not a whole header. */
export function parseSegmentHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < segmentHeaderBytes || crc32(bytes.subarray(0, 28)) !== bytes.readUInt32LE(28)) return undefined
  if (!bytes.subarray(0, 8).equals(segmentMagic) || bytes.readUInt32LE(8) !== formatVersion) return undefined
  return { salt: bytes.readUInt32LE(12), base: bytes.readDoubleLE(16) }
}

/** One append as the head of a frame holds it. */
export interface HeadAppend {
  readonly name: Buffer
  readonly partition: number
  readonly base: number
  readonly count: number
  readonly block: Uint8Array
  readonly crc: number
}

/** Bytes of prefix and head of a frame. */
export function headLength(appends: readonly HeadAppend[], sections: readonly Uint8Array[]): number {
  let length = framePrefixBytes + headFixedBytes + sections.length * sectionBytes
  for (const append of appends) length += appendFixedBytes + append.name.length
  return length
}

/** Writes prefix and head at `at`; the caller has made room for {@link headLength} bytes. */
export function writeHead(
  to: Buffer,
  at: number,
  frame: { readonly sequence: number; readonly durableBefore: number; readonly appendedAt: number },
  appends: readonly HeadAppend[],
  sections: readonly Uint8Array[],
  salt: number,
): number {
  let end = at + framePrefixBytes
  end = to.writeDoubleLE(frame.sequence, end)
  end = to.writeDoubleLE(frame.durableBefore, end)
  end = to.writeDoubleLE(frame.appendedAt, end)
  end = to.writeUInt32LE(appends.length, end)
  end = to.writeUInt32LE(sections.length, end)
  for (const append of appends) {
    end = to.writeUInt16LE(append.name.length, end)
    end += append.name.copy(to, end)
    end = to.writeUInt16LE(append.partition, end)
    end = to.writeDoubleLE(append.base, end)
    end = to.writeUInt32LE(append.count, end)
    end = to.writeUInt32LE(append.block.length, end)
    end = to.writeUInt32LE(append.crc, end)
  }
  for (const section of sections) {
    end = to.writeUInt32LE(section.length, end)
    end = to.writeUInt32LE(crc32(section, salt), end)
  }
  to.writeUInt32LE(frameMagicWord, at)
  to.writeUInt32LE(end - at - framePrefixBytes, at + 8)
  to.writeUInt32LE(crc32(to.subarray(at + 8, end), salt), at + 4)
  return end
}

/** Length of the head that begins at `at` of `bytes`, or undefined when no frame can begin there. */
export function parsePrefix(bytes: Buffer, at: number): number | undefined {
  if (bytes.length - at < framePrefixBytes || bytes.readUInt32LE(at) !== frameMagicWord) return undefined
  const length = bytes.readUInt32LE(at + 8)
  return length >= headFixedBytes && length <= headBytesMax ? length : undefined
}

/**
 * The frame whose prefix and head are the whole of `bytes`, or undefined when they do not fit their checksum.
 *
 * @param position - where the frame begins in its segment
 */
export function parseFrame(bytes: Buffer, position: number, salt: number): Frame | undefined {
  if (crc32(bytes.subarray(8), salt) !== bytes.readUInt32LE(4)) return undefined
  let at = framePrefixBytes
  const f64 = (): number => bytes.readDoubleLE((at += 8) - 8)
  const u32 = (): number => bytes.readUInt32LE((at += 4) - 4)
  const u16 = (): number => bytes.readUInt16LE((at += 2) - 2)
  const sequence = f64()
  const durableBefore = f64()
  const appendedAt = f64()
  const appendCount = u32()
  const sectionCount = u32()
  let end = position + bytes.length
  const place = (): Section => {
    const length = u32()
    const section = { position: end, length, crc: u32() }
    end += length
    return section
  }
  const appends: BlockPlace[] = []
  for (let i = 0; i < appendCount; i++) {
    const stream = bytes.toString("utf8", (at += 2), (at += bytes.readUInt16LE(at - 2)))
    const partition = u16()
    const base = f64()
    const count = u32()
    appends.push({ stream, partition, base, count, ...place() })
  }
  const sections: Section[] = []
  for (let i = 0; i < sectionCount; i++) sections.push(place())
  return { position, end, sequence, durableBefore, appendedAt, appends, sections }
}

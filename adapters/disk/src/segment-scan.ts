/**
 * Walks the frames of a segment and says where they stop making sense. Not for repairing: what a fault means (a torn
 * write to cut off, or damage to report) is decided by who asked, with {@link provenLater} as the witness.
 */
import { limits } from "@millrace/model"
import { type Frame, frameMagic, framePrefixBytes, headBytesMax, parseFrame, parsePrefix } from "./frame.ts"
import type { SegmentFile } from "./segment-file.ts"

/** How much of a frame is held against its checksums besides the head. */
export type Check = "heads" | "state" | "all"

export interface ScanFrom {
  readonly position: number
  /** Sequence of the frame expected there. */
  readonly sequence: number
}

export interface ScanEnd extends ScanFrom {
  /** What is wrong at `position`; undefined when the file (or the asked range) ends there. */
  readonly fault?: string
}

/**
 * Visits the good frames from a position on.
 *
 * @param end - stop there; by default the end of the file
 */
export function scan(
  file: SegmentFile,
  salt: number,
  from: ScanFrom,
  check: Check,
  visit: (frame: Frame) => void,
  end: number = file.size,
): ScanEnd {
  let { position, sequence } = from
  while (position < end) {
    const frame = frameAt(file, salt, position)
    if (typeof frame === "string") return { position, sequence, fault: frame }
    const fault =
      frame.sequence === sequence
        ? faultOf(file, salt, frame, check)
        : `commit ${frame.sequence} lies where commit ${sequence} belongs`
    if (fault !== undefined) return { position, sequence, fault }
    visit(frame)
    position = frame.end
    sequence++
  }
  return { position, sequence }
}

/** The frame at a position, its head checked; or what is wrong with it. */
export function frameAt(file: SegmentFile, salt: number, position: number): Frame | string {
  const length = parsePrefix(file.view(position, framePrefixBytes), 0)
  if (length === undefined) return "no frame begins here"
  const bytes = file.view(position, framePrefixBytes + length)
  if (bytes.length < framePrefixBytes + length) return "the frame goes on past the end of the file"
  const frame = parseFrame(bytes, position, salt)
  if (frame === undefined) return "the frame's head does not fit its checksum"
  if (frame.end - position > limits.frameBytesMax + headBytesMax) return "the frame is longer than any that is written"
  return frame
}

/** What is wrong with the blocks and sections of a frame whose head is good. */
function faultOf(file: SegmentFile, salt: number, frame: Frame, check: Check): string | undefined {
  if (frame.end > file.size) return "the frame goes on past the end of the file"
  if (check === "heads") return undefined
  if (check === "all") {
    for (const { position, length, crc, stream, partition, base } of frame.appends) {
      if (file.crc(position, length, salt) !== crc) {
        return `the block of stream "${stream}", partition ${partition}, offset ${base} does not fit its checksum`
      }
    }
  }
  for (const { position, length, crc } of frame.sections) {
    if (file.crc(position, length, salt) !== crc) return "the state changes do not fit their checksum"
  }
  return undefined
}

/**
 * Position of a later frame that was written when commit `sequence` was already on the disk, or undefined. If there is
 * one, then a fault at that commit is damage; if not, it may be a write that was torn before anyone was told of it.
 */
export function provenLater(file: SegmentFile, salt: number, fault: ScanFrom): number | undefined {
  for (let at = fault.position; ;) {
    at = file.find(frameMagic, at + 1)
    if (at < 0) return undefined
    const frame = frameAt(file, salt, at)
    if (typeof frame !== "string" && frame.durableBefore > fault.sequence) return at
  }
}

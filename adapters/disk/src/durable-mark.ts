/**
 * `journal/durable`: the sequence below which every commit was on the disk, written after each group and before anyone
 * is told. It is what tells a torn write at the end of the journal, which is cut off, from damage to something
 * acknowledged, which is reported. It is not synced by itself: a killed process leaves it exact, a power cut may leave
 * it some groups behind, never ahead.
 *
 * ```
 * "MRMARK01" | f64 sequence | u32 crc of the 16 bytes before
 * ```
 */
import fs from "node:fs"
import path from "node:path"
import { crc32 } from "node:zlib"

const magic = "MRMARK01"
const bytes = 20

function markPath(dir: string): string {
  return path.join(dir, "journal", "durable")
}

/** The marked sequence, or undefined when there is no mark or it cannot be believed. */
export function readMark(dir: string): number | undefined {
  let mark: Buffer
  try {
    mark = fs.readFileSync(markPath(dir))
  } catch {
    return undefined
  }
  if (mark.length < bytes || mark.toString("latin1", 0, 8) !== magic) return undefined
  return crc32(mark.subarray(0, 16)) === mark.readUInt32LE(16) ? mark.readDoubleLE(8) : undefined
}

export class DurableMark {
  readonly #fd: number
  readonly #mark: Buffer = Buffer.alloc(bytes)

  constructor(dir: string) {
    this.#fd = fs.openSync(markPath(dir), fs.constants.O_RDWR | fs.constants.O_CREAT, 0o644)
    this.#mark.write(magic, 0, "latin1")
  }

  /** Writes the mark into the page cache: a microsecond. */
  set(sequence: number): void {
    this.#mark.writeDoubleLE(sequence, 8)
    this.#mark.writeUInt32LE(crc32(this.#mark.subarray(0, 16)), 16)
    fs.writeSync(this.#fd, this.#mark, 0, bytes, 0)
  }

  close(): void {
    fs.fdatasyncSync(this.#fd)
    fs.closeSync(this.#fd)
  }
}

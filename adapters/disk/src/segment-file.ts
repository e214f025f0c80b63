/** Names of segments, and the bytes of one behind a moving window. Synchronous: for recovery, folds and checks. */
import fs from "node:fs"
import path from "node:path"
import { crc32 } from "node:zlib"
import { limits } from "@millrace/model"

const digits = 20
const segmentName = /^(\d{20})\.journal$/

/** `00000000000000000042.journal`: named by the first sequence that it may hold. */
export function segmentPath(dir: string, base: number): string {
  return path.join(dir, "journal", `${String(base).padStart(digits, "0")}.journal`)
}

/** The index written beside a segment once it is closed. */
export function indexPath(dir: string, base: number): string {
  return path.join(dir, "journal", `${String(base).padStart(digits, "0")}.index`)
}

/** Bases of the segments of a data directory, ascending. */
export function segmentBases(dir: string): number[] {
  const names = fs.readdirSync(path.join(dir, "journal"))
  return names
    .flatMap((name) => segmentName.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b)
}

/** The bytes of an open file, read through a window that moves forward. */
export class SegmentFile {
  readonly #fd: number
  readonly size: number
  #window: Buffer = Buffer.alloc(0)
  #from = 0
  #end = 0

  constructor(fd: number, size: number = fs.fstatSync(fd).size) {
    this.#fd = fd
    this.size = size
  }

  /** A view of up to `length` bytes, fewer at the end of the file; valid until the next call. */
  view(position: number, length: number): Buffer {
    const end = Math.min(position + length, this.size)
    if (end <= position) return this.#window.subarray(0, 0)
    if (position < this.#from || end > this.#end) this.#fill(position, end)
    return this.#window.subarray(position - this.#from, Math.min(end, this.#end) - this.#from)
  }

  /** The checksum of a range that lies within the file, however long. */
  crc(position: number, length: number, seed: number): number {
    let crc = seed
    for (let at = position; at < position + length;) {
      const piece = this.view(at, Math.min(position + length - at, limits.journalSpanBytesMax))
      if (piece.length === 0) return -1
      crc = crc32(piece, crc)
      at += piece.length
    }
    return crc
  }

  /** Where `needle` occurs at or after `position`, or -1. */
  find(needle: Buffer, position: number): number {
    for (let at = position; at < this.size;) {
      const piece = this.view(at, limits.journalSpanBytesMax)
      const found = piece.indexOf(needle)
      if (found >= 0) return at + found
      if (piece.length < needle.length) return -1
      at += piece.length - needle.length + 1
    }
    return -1
  }

  #fill(position: number, end: number): void {
    const wanted = Math.min(Math.max(end - position, limits.journalSpanBytesMax), this.size - position)
    if (this.#window.length < wanted) this.#window = Buffer.allocUnsafeSlow(wanted)
    this.#from = position
    this.#end = position
    while (this.#end < end) {
      const room = Math.min(this.#window.length - (this.#end - position), this.size - this.#end)
      const read = fs.readSync(this.#fd, this.#window, this.#end - position, room, this.#end)
      if (read === 0) return
      this.#end += read
    }
  }
}

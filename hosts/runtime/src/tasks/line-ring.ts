/**
 * The newest lines that a thread's attempts have told, in memory that the node shares with it: what is told to a port is told only by a thread
 * that lets go, and one that is blocked, ends itself or outgrows its heap does not. Written by the thread alone, read by the node, also while it
 * is written. Not what a run keeps: that goes with its outcome.
 *
 * ```
 * i64 begin | i64 end | bytes, round and round: (u32 length of the text | f64 lease | f64 mark of the task | text in UTF-8)...
 * ```
 *
 * 1. What lies between `begin` and `end` is whole lines: the writer moves `begin` past a line before it writes over it, and `end` past one once
 *    that is written.
 */
import { limits } from "@millrace/model"

const slots = { begin: 0, end: 1, count: 2 } as const
const headBytes = slots.count * 8
/** Of a line besides its text. */
const lineBytes = 4 + 8 + 8

/** Memory for the lines of one thread. */
export function lineMemory(bytes: number = limits.attemptRingBytes): SharedArrayBuffer {
  return new SharedArrayBuffer(headBytes + bytes)
}

export class LineRing {
  readonly #at: BigInt64Array
  readonly #bytes: Uint8Array
  /** Of the writer: how many bytes it has written over, and written. */
  #begin = 0
  #end = 0
  /** A line on its way in, or out. */
  readonly #line: Buffer

  /** @param memory - from {@link lineMemory}; of a new one, or one that another thread writes */
  constructor(memory: SharedArrayBuffer) {
    this.#at = new BigInt64Array(memory, 0, slots.count)
    this.#bytes = new Uint8Array(memory, headBytes)
    this.#line = Buffer.alloc(lineBytes + 3 * limits.attemptLineLengthMax)
  }

  /** Adds a line of a call; the oldest make room for it. A line that is larger than all of the memory is left out. */
  add(lease: number, mark: number, text: string): void {
    const line = this.#line
    const written = line.write(text, lineBytes)
    const size = lineBytes + written
    const room = this.#bytes.length
    if (size > room) return
    line.writeUInt32LE(written, 0)
    line.writeDoubleLE(lease, 4)
    line.writeDoubleLE(mark, 12)
    if (this.#end + size - this.#begin > room) {
      while (this.#end + size - this.#begin > room) this.#begin += lineBytes + this.#lengthAt(this.#begin)
      Atomics.store(this.#at, slots.begin, BigInt(this.#begin))
    }
    const at = this.#end % room
    const first = Math.min(size, room - at)
    this.#bytes.set(line.subarray(0, first), at)
    if (first < size) this.#bytes.set(line.subarray(first, size), 0)
    this.#end += size
    Atomics.store(this.#at, slots.end, BigInt(this.#end))
  }

  /** What a call has told, as far as it is here, the newest `limits.attemptLinesMax`. */
  of(lease: number, mark: number): readonly string[] {
    const room = this.#bytes.length
    const end = Number(Atomics.load(this.#at, slots.end))
    // A copy: the thread may still write. What it has begun to write over meanwhile lies before where the lines begin by now.
    const bytes = Buffer.from(this.#bytes)
    const begin = Number(Atomics.load(this.#at, slots.begin))
    const lines: string[] = []
    for (let at = begin; at < end; ) {
      const head = around(bytes, at % room, lineBytes)
      const length = head.readUInt32LE(0)
      if (head.readDoubleLE(4) === lease && head.readDoubleLE(12) === mark) lines.push(around(bytes, (at + lineBytes) % room, length).toString())
      at += lineBytes + length
    }
    return lines.slice(-limits.attemptLinesMax)
  }

  #lengthAt(at: number): number {
    const bytes = this.#bytes
    const room = bytes.length
    let length = 0
    for (let i = 3; i >= 0; i--) length = length * 256 + (bytes[(at + i) % room] as number)
    return length
  }
}

/** So many bytes from a place on, which may go on at the beginning. */
function around(bytes: Buffer, at: number, length: number): Buffer {
  const whole = bytes.subarray(at, at + length)
  return whole.length === length ? whole : Buffer.concat([whole, bytes.subarray(0, length - whole.length)])
}

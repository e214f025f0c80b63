/**
 * MD5 (RFC 1321) of short texts, for partitioning only: Kinesis places a record by the MD5 of its key. Not for secrecy.
 * Pure, so that the same key lands on the same partition wherever the program runs.
 */
const encoder = new TextEncoder()
const shift = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21] as const
const rotation = new Int32Array(64)
const sine = new Int32Array(64)
for (let i = 0; i < 64; i++) {
  rotation[i] = shift[(i >> 4) * 4 + (i & 3)] as number
  sine[i] = Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) | 0
}
const words = new Int32Array(16)
const digest = new Uint32Array(4)
let padded = new Uint8Array(1024)

/** The MD5 of a text's UTF-8 form as four unsigned big-endian words. The array is reused by the next call. */
export function md5(text: string): Uint32Array {
  const length = fill(text)
  let a = 0x67452301
  let b = 0xefcdab89 | 0
  let c = 0x98badcfe | 0
  let d = 0x10325476
  for (let at = 0; at < length; at += 64) {
    for (let i = 0, p = at; i < 16; i++, p += 4) {
      words[i] =
        (padded[p] as number) |
        ((padded[p + 1] as number) << 8) |
        ((padded[p + 2] as number) << 16) |
        ((padded[p + 3] as number) << 24)
    }
    const a0 = a
    const b0 = b
    const c0 = c
    const d0 = d
    // Four rounds of sixteen steps; each step turns one word and passes the others on.
    for (let i = 0; i < 16; i++) {
      const sum = (a + ((b & c) | (~b & d)) + (sine[i] as number) + (words[i] as number)) | 0
      const turn = rotation[i] as number
      a = d
      d = c
      c = b
      b = (b + ((sum << turn) | (sum >>> (32 - turn)))) | 0
    }
    for (let i = 16; i < 32; i++) {
      const sum = (a + ((d & b) | (~d & c)) + (sine[i] as number) + (words[(5 * i + 1) & 15] as number)) | 0
      const turn = rotation[i] as number
      a = d
      d = c
      c = b
      b = (b + ((sum << turn) | (sum >>> (32 - turn)))) | 0
    }
    for (let i = 32; i < 48; i++) {
      const sum = (a + (b ^ c ^ d) + (sine[i] as number) + (words[(3 * i + 5) & 15] as number)) | 0
      const turn = rotation[i] as number
      a = d
      d = c
      c = b
      b = (b + ((sum << turn) | (sum >>> (32 - turn)))) | 0
    }
    for (let i = 48; i < 64; i++) {
      const sum = (a + (c ^ (b | ~d)) + (sine[i] as number) + (words[(7 * i) & 15] as number)) | 0
      const turn = rotation[i] as number
      a = d
      d = c
      c = b
      b = (b + ((sum << turn) | (sum >>> (32 - turn)))) | 0
    }
    a = (a + a0) | 0
    b = (b + b0) | 0
    c = (c + c0) | 0
    d = (d + d0) | 0
  }
  digest[0] = swapped(a)
  digest[1] = swapped(b)
  digest[2] = swapped(c)
  digest[3] = swapped(d)
  return digest
}

/** MD5 writes its words little-endian; a digest is read as one big-endian number. */
function swapped(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)
}

/** Writes text, padding and length into `padded`; returns the padded length, a multiple of 64. */
function fill(text: string): number {
  let used = 0
  if (text.length * 3 + 72 > padded.length) padded = new Uint8Array(text.length * 3 + 1024)
  for (; used < text.length; used++) {
    const unit = text.charCodeAt(used)
    if (unit > 127) break
    padded[used] = unit
  }
  if (used < text.length) used = encoder.encodeInto(text, padded).written
  const length = (used + 72) & ~63
  padded.fill(0, used, length)
  padded[used] = 0x80
  new DataView(padded.buffer).setUint32(length - 8, used * 8, true)
  return length
}

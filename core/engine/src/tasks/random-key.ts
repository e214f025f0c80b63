/**
 * Keys that begin with 16 random bytes in hexadecimal, as most idempotency keys do: Millrace's own clients make 32 digits and an input's place in
 * its bulk ("…/794"), others UUIDs. They take half the bytes. Not for other texts: {@link isRandomKey} says which are.
 */
import type { ByteReader, ByteWriter } from "@millrace/model"

/** Lower case only, so that what is read is what was written. */
const pattern = /^(?:[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})[\u0020-\u007e]{0,127}$/
const randomBytes = 16
/** The first byte: this, and how many characters are behind the digits. */
const dashed = 0x80
const restMost = 0x7f
const dashedLength = 36
const plainLength = 32

const digits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

export function isRandomKey(text: string): boolean {
  return pattern.test(text)
}

export function writeRandomKey(to: ByteWriter, text: string): void {
  const hasDashes = text[8] === "-"
  const length = hasDashes ? dashedLength : plainLength
  to.u8((hasDashes ? dashed : 0) | (text.length - length))
  for (let at = 0; at < length; ) {
    if (text.charCodeAt(at) === 45) at++
    to.u8((digit(text, at) << 4) | digit(text, at + 1))
    at += 2
  }
  for (let at = length; at < text.length; at++) to.u8(text.charCodeAt(at))
}

export function readRandomKey(from: ByteReader): string {
  const head = from.u8()
  const bytes = from.bytes(randomBytes)
  let text = ""
  for (let i = 0; i < randomBytes; i++) {
    if ((head & dashed) !== 0 && (i === 4 || i === 6 || i === 8 || i === 10)) text += "-"
    text += digits[bytes[i] as number] as string
  }
  return text + from.utf8(head & restMost)
}

/** 0 to 9 lie at 48, a to f at 97. */
function digit(text: string, at: number): number {
  const code = text.charCodeAt(at)
  return code < 58 ? code - 48 : code - 87
}

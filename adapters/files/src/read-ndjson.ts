/** Reads NDJSON: one JSON value a line, UTF-8; empty lines and `\r` before the line's end are skipped. */
import { createGunzip } from "node:zlib"
import { pipeline } from "node:stream"
import { TextDecoder } from "node:util"
import { limits, MillraceError } from "@millrace/model"
import type { Input } from "./input.ts"

const newline = 0x0a
const byteOrderMark = /^\ufeff/

/**
 * The values of the lines, in batches as the bytes come. At most one line beyond a chunk is held.
 *
 * @throws MR1001 naming input and line for what is not JSON or not UTF-8, MR1013 for a line longer than a request may
 * be
 */
export async function* readNdjson({ name, bytes }: Input): AsyncGenerator<unknown[], void, undefined> {
  // Fatal, so that damage is named and not read as U+FFFD; the mark at the beginning is ours to look for.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  let rest: Uint8Array[] = []
  let restBytes = 0
  let line = 1
  for await (const chunk of bytes) {
    const end = chunk.lastIndexOf(newline)
    if (end < 0) {
      rest.push(chunk)
      restBytes += chunk.length
    } else {
      const whole = Buffer.concat([...rest, chunk.subarray(0, end)])
      const { values, lines } = valuesOf(whole, decoder, name, line)
      line += lines
      rest = [chunk.subarray(end + 1)]
      restBytes = chunk.length - end - 1
      if (values.length > 0) yield values
    }
    if (restBytes > limits.requestBytesMax) {
      throw new MillraceError(
        "MR1013",
        `${name}, line ${line}: longer than ${limits.requestBytesMax} bytes, more than a request may have. Is the ` +
          `input NDJSON, one value a line?`,
        { input: name, line },
      )
    }
  }
  if (restBytes === 0) return
  const { values } = valuesOf(Buffer.concat(rest), decoder, name, line)
  if (values.length > 0) yield values
}

function valuesOf(
  bytes: Uint8Array,
  decoder: TextDecoder,
  name: string,
  firstLine: number,
): { values: unknown[]; lines: number } {
  const lines = textOf(bytes, decoder, name, firstLine).split("\n")
  const values: unknown[] = []
  for (let at = 0; at < lines.length; at++) {
    let text = lines[at] as string
    if (firstLine + at === 1) text = text.replace(byteOrderMark, "")
    if (text.length === 0 || text.trim() === "") continue
    values.push(parsed(text, name, firstLine + at))
  }
  return { values, lines: lines.length }
}

function textOf(bytes: Uint8Array, decoder: TextDecoder, name: string, firstLine: number): string {
  try {
    return decoder.decode(bytes)
  } catch {
    const line = firstLine + lineOfDamage(bytes, decoder)
    throw new MillraceError("MR1001", `${name}, line ${line}: not UTF-8. Convert the input: iconv -t utf-8.`, {
      input: name,
      line,
    })
  }
}

/** How many whole lines stand before the first one that is not UTF-8. */
function lineOfDamage(bytes: Uint8Array, decoder: TextDecoder): number {
  let line = 0
  for (let from = 0; from < bytes.length; line++) {
    const next = bytes.indexOf(newline, from)
    const end = next < 0 ? bytes.length : next
    try {
      decoder.decode(bytes.subarray(from, end))
    } catch {
      return line
    }
    from = end + 1
  }
  return line
}

function parsed(text: string, name: string, line: number): unknown {
  try {
    return JSON.parse(text)
  } catch (fault) {
    const shown = text.trim().slice(0, 80)
    throw new MillraceError(
      "MR1001",
      `${name}, line ${line}: not valid JSON: ${(fault as Error).message}. The line begins with ` +
        `${JSON.stringify(shown)}; each line must be one whole JSON value.`,
      { input: name, line },
      fault,
    )
  }
}

/** The same input, unpacked. @throws MR1603 when it is not whole gzip data */
export function gunzipped({ name, bytes }: Input): Input {
  return { name, bytes: unpack(name, bytes) }
}

async function* unpack(name: string, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    const gunzip = createGunzip()
    // The fault, if any, comes out of the iteration below.
    pipeline(bytes, gunzip, () => undefined)
    yield* gunzip as AsyncIterable<Uint8Array>
  } catch (fault) {
    const code = (fault as { code?: unknown } | null)?.code
    if (typeof code !== "string" || !code.startsWith("Z_")) throw fault
    throw new MillraceError(
      "MR1603",
      `${name}: not gzip data, or cut short (${code}). Check the file, or name another format.`,
      { input: name, code },
      fault,
    )
  }
}

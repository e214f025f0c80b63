/** Where rows are read from: a file or a stream of bytes, always with a name for errors. */
import { createReadStream } from "node:fs"
import { MillraceError } from "@millrace/model"

/** A path, or bytes as they come (standard input). */
export type InputSource = string | AsyncIterable<Uint8Array>

/** Bytes of an input, and its name. */
export interface Input {
  readonly name: string
  readonly bytes: AsyncIterable<Uint8Array>
}

/** Bytes that are read at once. */
const chunkBytes = 256 * 1024

/** Opens a source; `name` names a stream in errors. Faults of the file system come as MR1603 while reading. */
export function openInput(source: InputSource, name: string): Input {
  if (typeof source !== "string") return { name, bytes: source }
  return { name: source, bytes: fileBytes(source) }
}

async function* fileBytes(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* createReadStream(path, { highWaterMark: chunkBytes }) as AsyncIterable<Uint8Array>
  } catch (fault) {
    throw unreadable(path, fault)
  }
}

const mends: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file. Check the path",
  EISDIR: "it is a directory. Give the path of one file",
  EACCES: "this user may not read it. Give it the right to",
}

/** Why a file cannot be read, as MR1603; what is not a fault of the file system comes back as it is. */
export function unreadable(path: string, fault: unknown): unknown {
  const code = (fault as { code?: unknown } | null)?.code
  if (!(fault instanceof Error) || typeof code !== "string") return fault
  return new MillraceError(
    "MR1603",
    `${path}: ${mends[code] ?? `reading failed: ${fault.message}. Check the file and its disk`}. (${code})`,
    { path, code },
    fault,
  )
}

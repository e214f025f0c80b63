/** The few file calls of the writing and reading paths as promises, without the cost of a FileHandle. */
import fs from "node:fs"
import { limits } from "@millrace/model"

/** Writes all pieces at a position. */
export async function writeAll(fd: number, pieces: readonly Uint8Array[], position: number): Promise<void> {
  let rest = pieces
  let at = position
  while (rest.length > 0) {
    let written = await write(fd, rest, at)
    at += written
    // A short write names no reason; writing what is left finds it out.
    let whole = 0
    while (whole < rest.length && written >= (rest[whole] as Uint8Array).length)
      written -= (rest[whole++] as Uint8Array).length
    rest = rest.slice(whole)
    if (written > 0) rest = [(rest[0] as Uint8Array).subarray(written), ...rest.slice(1)]
  }
}

function write(fd: number, pieces: readonly Uint8Array[], position: number): number | Promise<number> {
  let bytes = 0
  for (const { length } of pieces) bytes += length
  if (bytes <= limits.writeInlineBytesMax) return fs.writevSync(fd, pieces, position)
  return new Promise((resolve, reject) => {
    fs.writev(fd, pieces, position, (error, written) => (error === null ? resolve(written) : reject(error)))
  })
}

export function datasync(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fdatasync(fd, (error) => (error === null ? resolve() : reject(error)))
  })
}

export function sync(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fsync(fd, (error) => (error === null ? resolve() : reject(error)))
  })
}

/** Reads until the buffer is full or the file ends; returns the bytes read. */
export async function readFully(fd: number, into: Uint8Array, position: number): Promise<number> {
  let done = 0
  while (done < into.length) {
    const read = await new Promise<number>((resolve, reject) => {
      fs.read(fd, into, done, into.length - done, position + done, (error, bytes) =>
        error === null ? resolve(bytes) : reject(error),
      )
    })
    if (read === 0) break
    done += read
  }
  return done
}

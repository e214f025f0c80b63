/** The data directory as a whole: that it is there, writable, of this version, and ours alone. */
import fs from "node:fs"
import path from "node:path"
import { MillraceError } from "@millrace/model"
import { errorNumber, refusal } from "./disk-refusal.ts"
import { formatVersion } from "./frame.ts"
import { DirectoryLock } from "./lock.ts"

/**
 * Makes the directory ready and takes its lock.
 *
 * @throws MR1301 in use, MR1304 not writable, MR1305 of another version
 */
export function takeDirectory(dir: string): DirectoryLock {
  let lock: DirectoryLock
  try {
    fs.mkdirSync(dir, { recursive: true })
    checkVersion(dir)
    lock = DirectoryLock.take(dir)
  } catch (error) {
    throw refusal(error, dir)
  }
  try {
    checkVersion(dir)
    for (const part of ["journal", "store"]) fs.mkdirSync(path.join(dir, part), { recursive: true })
    if (readVersion(dir) === undefined) writeVersion(dir)
    return lock
  } catch (error) {
    lock.release()
    throw refusal(error, dir)
  }
}

/** The text of `VERSION`, or undefined when there is none. */
export function readVersion(dir: string): string | undefined {
  try {
    return fs.readFileSync(path.join(dir, "VERSION"), "utf8").trim()
  } catch (error) {
    if (errorNumber(error) === "ENOENT") return undefined
    throw error
  }
}

/** @throws MR1305 */
function checkVersion(dir: string): void {
  const found = readVersion(dir)
  if (found === String(formatVersion)) return
  const file = path.join(dir, "VERSION")
  const journal = path.join(dir, "journal")
  if (found === undefined) {
    const used = fs.existsSync(journal) && fs.readdirSync(journal).some((name) => name.endsWith(".journal"))
    if (!used) return
    const message =
      `${file} is missing though ${journal} holds segments: restore it from a copy of the directory, ` +
      "or choose another place with --data DIR."
    throw new MillraceError("MR1305", message, { path: file, wanted: String(formatVersion) })
  }
  const message =
    `${file} says ${JSON.stringify(found.slice(0, 20))}, and this program reads version ${formatVersion}: ` +
    "run the Millrace that wrote the directory, or choose another place with --data DIR."
  throw new MillraceError("MR1305", message, { path: file, found: found.slice(0, 20), wanted: String(formatVersion) })
}

function writeVersion(dir: string): void {
  const draft = path.join(dir, "VERSION.new")
  const fd = fs.openSync(draft, "w", 0o644)
  try {
    fs.writeSync(fd, `${formatVersion}\n`)
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
  fs.renameSync(draft, path.join(dir, "VERSION"))
  const directory = fs.openSync(dir, "r")
  try {
    fs.fsyncSync(directory)
  } finally {
    fs.closeSync(directory)
  }
}

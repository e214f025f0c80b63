/**
 * The files of the state store, looked at before LMDB is: where it meets a full disk or a file that makes no sense while
 * it opens, it takes the process down instead of saying so.
 */
import fs from "node:fs"
import path from "node:path"
import { damage, errorNumber } from "./disk-refusal.ts"

const lmdbMagic = 0xbeefc0de
const lmdbVersion = 2
const metaBytes = 160
/** Room for the table of readers: 64 bytes each. LMDB takes as many as the file has room for. */
const lockFileBytes = 40_960
/** More than LMDB writes while it opens. */
const roomBytes = 131_072

/** The one file that holds the state. */
export function stateFile(dir: string): string {
  return path.join(dir, "store", "data.mdb")
}

/**
 * Call it only where nobody writes state yet: a reader beside a fold could see a page half written.
 *
 * @throws MR1302 when the store cannot be one; what the operating system says when there is no room
 */
export function readyStateFiles(dir: string): void {
  const store = path.join(dir, "store")
  makeLockFile(path.join(store, "lock.mdb"))
  const room = path.join(store, "room")
  try {
    fs.writeFileSync(room, Buffer.alloc(roomBytes))
  } finally {
    fs.rmSync(room, { force: true })
  }
  checkStateFile(stateFile(dir))
}

/** LMDB would make the file full of holes, and die of a new reader on a full disk. */
function makeLockFile(file: string): void {
  try {
    fs.writeFileSync(file, Buffer.alloc(lockFileBytes), { flag: "wx", mode: 0o644 })
  } catch (error) {
    if (errorNumber(error) === "EEXIST") return
    fs.rmSync(file, { force: true })
    throw error
  }
}

/**
 * Refuses a state store whose beginning makes no sense. Its pages have no checksums, only its values (see state-value.ts).
 *
 * @throws MR1302
 */
export function checkStateFile(file: string): void {
  const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0
  // LMDB begins a missing or empty file anew.
  if (size === 0) return
  const metas = metasIn(file)
  const newest = metas.toSorted((a, b) => b.transaction - a.transaction)[0]
  // Each is written in one piece, so even a crash leaves both whole.
  if (newest === undefined || metas.length < 2) throw damage(file, 0, "it does not begin like a state store")
  const { root, pageBytes } = newest
  if (root !== undefined && (root + 1) * pageBytes > size)
    throw damage(file, size, "the end of the state store is missing")
}

interface Meta {
  readonly transaction: number
  readonly pageBytes: number
  /** Page of the tree's root; undefined in an empty store. */
  readonly root: number | undefined
}

/**
 * The two meta pages at the beginning of the file, those of them that are whole. Layout: `MDB_meta` in the mdb.c of the
 * package lmdb, behind a page header of 24 bytes.
 */
function metasIn(file: string): Meta[] {
  const fd = fs.openSync(file, "r")
  try {
    return [0, 4096].flatMap((at) => {
      const meta = Buffer.alloc(metaBytes)
      if (fs.readSync(fd, meta, 0, metaBytes, at) < metaBytes) return []
      if (meta.readUInt32LE(24) !== lmdbMagic || meta.readUInt32LE(28) !== lmdbVersion) return []
      const root = meta.readBigUInt64LE(136)
      const none = root === 2n ** 64n - 1n
      return [
        {
          transaction: Number(meta.readBigUInt64LE(152)),
          pageBytes: meta.readUInt32LE(48),
          root: none ? undefined : Number(root),
        },
      ]
    })
  } finally {
    fs.closeSync(fd)
  }
}

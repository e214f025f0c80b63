/** What LMDB says went wrong, in our words; and a look at its file before LMDB trusts it with its life. */
import fs from "node:fs"
import path from "node:path"
import { getSystemErrorName } from "node:util"
import { damage, errorNumber, refusal } from "./disk-refusal.ts"

const lmdbMagic = 0xbeefc0de
const lmdbVersion = 2
const metaBytes = 160
/** LMDB reports a write that was cut short as EIO; with less room than this the disk was full. */
const roomMin = 1_048_576

/** An error of LMDB or of the files that a fold reads, as MR1302, MR1303 or MR1304; anything else stays what it is. */
export function stateFault(error: unknown, dir: string): unknown {
  const store = path.join(dir, "store")
  if (errorNumber(error) !== "") return refusal(error, dir)
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined
  if (typeof code !== "number") return error
  // LMDB's own codes: corrupted, page not found, not a store, panic.
  if (code < 0) return damage(path.join(store, "data.mdb"), 0, `the state store says: ${(error as Error).message}`)
  const name = getSystemErrorName(-code)
  const full = name === "EIO" && roomOn(store) < roomMin
  return refusal(
    Object.assign(new Error((error as Error).message, { cause: error }), { code: full ? "ENOSPC" : name }),
    store,
  )
}

/**
 * Refuses a state store whose beginning makes no sense: LMDB would read beyond the file and take the process down. It
 * has no checksums, so this is no proof that the rest is sound.
 *
 * @throws MR1302
 */
export function checkStateFile(dir: string): void {
  const file = path.join(dir, "store", "data.mdb")
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

function roomOn(dir: string): number {
  const { bavail, bsize } = fs.statfsSync(dir)
  return bavail * bsize
}

/** What LMDB says went wrong, in our words. */
import fs from "node:fs"
import path from "node:path"
import { getSystemErrorName } from "node:util"
import { damage, errorNumber, refusal } from "./disk-refusal.ts"

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

function roomOn(dir: string): number {
  const { bavail, bsize } = fs.statfsSync(dir)
  return bavail * bsize
}

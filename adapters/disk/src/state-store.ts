/**
 * The state beside the journal: LMDB under `store/`. Holds state as of a checkpoint, and the checkpoint itself in the
 * same transaction, so the two never disagree. Written by folds only.
 */
import path from "node:path"
import type { StateReader } from "@millrace/engine"
import { type MillraceError, utf8Text } from "@millrace/model"
import { open, type RootDatabase } from "lmdb"
import { damage } from "./disk-refusal.ts"
import { bucketPrefix, partitionPrefix, prefixEnd, readBucket, stateKey } from "./state-key.ts"
import { sealed, unsealed } from "./state-value.ts"

/** Up to where the journal has been folded into the state. */
export interface Checkpoint {
  /** Sequence of the first commit that is not folded. */
  readonly sequence: number
  /** Where that commit's frame begins: segment and byte, unless a younger segment begins with it. */
  readonly segment: number
  readonly position: number
  /** One past the last offset of each partition of each stream, as of `sequence`; null where there is no entry yet. */
  readonly ends: Readonly<Record<string, ReadonlyArray<number | null>>>
}

export type StateDatabase = RootDatabase<Uint8Array, Uint8Array>

const checkpointKey: Uint8Array = Buffer.from([0])
const zero = Buffer.from([0])
/** What the state's file may grow to before it is mapped anew. */
const mapBytes = 64 * 1024 ** 3

export function openStateDatabase(dir: string, options: { readonly readOnly?: boolean } = {}): StateDatabase {
  return open<Uint8Array, Uint8Array>({
    ...options,
    path: path.join(dir, "store"),
    encoding: "binary",
    keyEncoding: "binary",
    cache: false,
    // Plain LMDB: a commit syncs its pages, then the page that points at them, before it returns. A crash at any moment
    // leaves the state of the commit before or of this one.
    overlappingSync: false,
    noSubdir: false,
    // Room in the address space, which costs nothing until it is used. A map that grows is made anew at twice the size, and the ones before
    // stay, so that what was read through each of them would count several times to the memory of the process.
    mapSize: mapBytes,
    // Each thread that reads state takes one.
    maxReaders: 512,
  })
}

/** @throws MR1302 */
export function readCheckpoint(database: StateDatabase): Checkpoint | undefined {
  const stored = database.get(checkpointKey)
  if (stored === undefined) return undefined
  const bytes = unsealed(checkpointKey, stored)
  if (bytes === undefined) throw damaged(database, "the checkpoint does not fit its checksum")
  return JSON.parse(utf8Text(bytes, 0, bytes.length)) as Checkpoint
}

/** Within a transaction, with the changes that lead up to it. */
export function writeCheckpoint(database: StateDatabase, checkpoint: Checkpoint): void {
  database.putSync(checkpointKey, sealed(checkpointKey, Buffer.from(JSON.stringify(checkpoint), "utf8")))
}

/** Looks at every value. @throws MR1302 for the first that is not what was written */
export function checkValues(database: StateDatabase): void {
  for (const { key, value } of database.getRange({})) if (unsealed(key, value) === undefined) throw faulty(database, key)
}

/**
 * Opens the state of a data directory for the calling thread, while a store of the same process holds the directory.
 *
 * @param dir - the data directory
 */
export function openStateReader(dir: string): StateReader {
  const database = openStateDatabase(dir)
  return stateReader(database, () => {
    void database.close()
  })
}

/** Each read @throws MR1302 for a value that is not what was written. */
export function stateReader(database: StateDatabase, close: () => void): StateReader {
  return {
    buckets(scope, partition) {
      // Without it a read within the same turn of the event loop would not see a fold that another thread finished.
      database.resetReadTxn()
      const prefix = partitionPrefix(scope, partition)
      const end = prefixEnd(prefix)
      const buckets: number[] = []
      for (let start: Buffer = prefix; ;) {
        const [key] = database.getKeys({ start, end, limit: 1 })
        if (key === undefined) return buckets
        buckets.push(readBucket(key, prefix.length))
        start = prefixEnd(Buffer.from(key.subarray(0, prefix.length + 8)))
      }
    },
    get(scope, partition, bucket, key) {
      database.resetReadTxn()
      const whole = stateKey(scope, partition, bucket, key)
      const stored = database.get(whole)
      return stored === undefined ? undefined : valueOf(database, whole, stored)
    },
    *entries(scope, partition, bucket, { prefix = "", after, limit } = {}) {
      database.resetReadTxn()
      const whole = bucketPrefix(scope, partition, bucket)
      const wanted = prefix === "" ? whole : stateKey(scope, partition, bucket, prefix)
      let start = wanted
      if (after !== undefined) {
        // The first key behind another is that one and a zero byte.
        const behind = Buffer.concat([stateKey(scope, partition, bucket, after), zero])
        if (Buffer.compare(behind, wanted) > 0) start = behind
      }
      const range = { start, end: prefixEnd(wanted), ...(limit === undefined ? {} : { limit }) }
      for (const { key, value } of database.getRange(range)) {
        yield [utf8Text(key, whole.length, key.length), valueOf(database, key, value)] as const
      }
    },
    close,
  }
}

function valueOf(database: StateDatabase, key: Uint8Array, stored: Uint8Array): Uint8Array {
  const value = unsealed(key, stored)
  if (value === undefined) throw faulty(database, key)
  return value
}

function faulty(database: StateDatabase, key: Uint8Array): MillraceError {
  const nul = key.indexOf(0)
  const scope = utf8Text(key, 0, nul)
  const name = utf8Text(key, Math.min(key.length, nul + 11), key.length)
  return damaged(database, `the value of ${JSON.stringify(name)} in ${JSON.stringify(scope)}, partition ${partitionOf(key, nul + 1)}, does not fit its checksum`)
}

function damaged(database: StateDatabase, what: string): MillraceError {
  // LMDB's typings leave its path out.
  return damage(path.join((database as unknown as { readonly path: string }).path, "data.mdb"), 0, what)
}

function partitionOf(key: Uint8Array, at: number): number {
  return ((key[at] as number) << 8) | (key[at + 1] as number)
}

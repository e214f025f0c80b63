/**
 * The segments of a journal: the closed ones, oldest first, and the active one at whose end the writer writes. Owns
 * their files; knows nothing of commits.
 */
import fs from "node:fs"
import path from "node:path"
import { segmentHeader, segmentHeaderBytes } from "./frame.ts"
import type { PartitionLog } from "./partition-log.ts"
import { datasync, sync, writeAll } from "./promised.ts"
import { indexPath, segmentPath } from "./segment-file.ts"

/** A segment that is not written any more. */
export interface ClosedSegment {
  readonly base: number
  readonly endSequence: number
  readonly bytes: number
  /** Logs that have a chapter in it, each its oldest once the segment is. */
  readonly logs: readonly PartitionLog[]
}

export interface ActiveSegment {
  readonly base: number
  readonly path: string
  readonly fd: number
  /** Where the next group begins: all before is on the disk. */
  bytes: number
  /** Logs that have blocks in it. */
  readonly logs: Set<PartitionLog>
}

/** Makes what was created or removed in a directory last. */
async function syncDirectory(dir: string): Promise<void> {
  const fd = fs.openSync(dir, "r")
  try {
    await sync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/**
 * Creates an empty segment, its header on the disk before anything follows. A file of that name can only be what a
 * failed or interrupted creation left, so it is written over.
 */
export async function createSegment(dir: string, base: number, salt: number): Promise<ActiveSegment> {
  const file = segmentPath(dir, base)
  const fd = fs.openSync(file, "w+", 0o644)
  try {
    await writeAll(fd, [segmentHeader({ salt, base })], 0)
    await datasync(fd)
    await syncDirectory(path.dirname(file))
  } catch (error) {
    fs.closeSync(fd)
    fs.rmSync(file, { force: true })
    throw error
  }
  return { base, path: file, fd, bytes: segmentHeaderBytes, logs: new Set() }
}

/** Removes a closed segment for good before anything younger may be removed, so that a crash leaves no hole. */
export async function removeSegment(dir: string, base: number): Promise<void> {
  await fs.promises.rm(segmentPath(dir, base))
  await fs.promises.rm(indexPath(dir, base), { force: true })
  await syncDirectory(path.join(dir, "journal"))
}

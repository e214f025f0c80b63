/**
 * The fold: brings state changes from the journal into the state store. Runs on any thread, synchronously; reads the
 * journal, not the memory of the writer. Changes are gathered per bucket and key first, so a key that changed a
 * thousand times is written once, and they are written in key order.
 */
import fs from "node:fs"
import { limits } from "@millrace/model"
import { ChangedState } from "./changed-state.ts"
import { damage } from "./disk-refusal.ts"
import { type Frame, segmentHeaderBytes } from "./frame.ts"
import { SegmentFile, segmentPath } from "./segment-file.ts"
import { scan } from "./segment-scan.ts"
import { type Checkpoint, readCheckpoint, type StateDatabase, writeCheckpoint } from "./state-store.ts"

/** A stretch of the journal that is on the disk; plain data, to cross to another thread. */
export interface FoldJob {
  readonly dir: string
  readonly salt: number
  readonly from: Omit<Checkpoint, "ends">
  /** The segments from the checkpoint's on, with where they end. */
  readonly segments: ReadonlyArray<{ readonly base: number; readonly bytes: number }>
  readonly endSequence: number
}

/**
 * Folds the whole stretch; a long one in several transactions, each a consistent prefix. Returns the new checkpoint.
 *
 * @param bytesMost - how many bytes of changes are gathered for one transaction
 */
export function fold(database: StateDatabase, job: FoldJob, bytesMost: number = limits.foldBytesMax): Checkpoint {
  const stretchBytes = job.segments.reduce((sum, { bytes }) => sum + bytes, 0)
  const changes = new ChangedState(Math.min(stretchBytes, bytesMost))
  try {
    return foldWith(changes, database, job)
  } finally {
    changes.release()
  }
}

function foldWith(changes: ChangedState, database: StateDatabase, job: FoldJob): Checkpoint {
  const ends = endsOf(readCheckpoint(database))
  let { sequence, segment, position } = job.from
  const commit = (): void => {
    const checkpoint = { sequence, segment, position, ends: Object.fromEntries(ends) }
    database.transactionSync(() => {
      changes.writeTo(database)
      writeCheckpoint(database, checkpoint)
    })
    changes.clear()
  }
  for (const { base, bytes } of job.segments) {
    if (base !== segment) [segment, position] = [base, segmentHeaderBytes]
    const path = segmentPath(job.dir, base)
    const fd = fs.openSync(path, "r")
    try {
      const file = new SegmentFile(fd)
      const visit = (frame: Frame): void => {
        if (!changes.takes(frame.sections.reduce((sum, { length }) => sum + length, 0))) commit()
        for (const section of frame.sections) changes.add(file.view(section.position, section.length))
        for (const { stream, partition, base: first, count } of frame.appends)
          endIn(ends, stream)[partition] = first + count
        sequence = frame.sequence + 1
        position = frame.end
      }
      const end = scan(file, job.salt, { position, sequence }, "state", visit, bytes)
      if (end.fault !== undefined) throw damage(path, end.position, end.fault, { sequence: end.sequence })
    } finally {
      fs.closeSync(fd)
    }
  }
  if (sequence !== job.endSequence) throw new Error(`the journal ends at commit ${sequence}, not ${job.endSequence}`)
  commit()
  return { sequence, segment, position, ends: Object.fromEntries(ends) }
}

type Ends = Map<string, Array<number | null>>

function endsOf(checkpoint: Checkpoint | undefined): Ends {
  return new Map(Object.entries(checkpoint?.ends ?? {}).map(([stream, ends]) => [stream, [...ends]]))
}

function endIn(ends: Ends, stream: string): Array<number | null> {
  const found = ends.get(stream)
  if (found !== undefined) return found
  const made: Array<number | null> = []
  ends.set(stream, made)
  return made
}

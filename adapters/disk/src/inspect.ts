/**
 * Looks at a data directory without taking it: what `millrace doctor` shows. Checks every frame of every segment.
 * Reads only; may run beside a node that holds the directory, and then sees its journal as of a moment.
 */
import fs from "node:fs"
import path from "node:path"
import { isMillraceError, type MillraceError } from "@millrace/model"
import { readVersion } from "./data-directory.ts"
import { readMark } from "./durable-mark.ts"
import {
  formatVersion,
  type Frame,
  frameMagic,
  framePrefixBytes,
  parseSegmentHeader,
  segmentHeaderBytes,
} from "./frame.ts"
import { type LockHolder, lockHolder } from "./lock.ts"
import { readIndexSummary } from "./segment-index.ts"
import { indexPath, segmentBases, SegmentFile, segmentPath } from "./segment-file.ts"
import { frameAt, provenLater, scan, type ScanEnd } from "./segment-scan.ts"
import { checkStateFile, stateFile } from "./state-file.ts"
import { checkValues, openStateDatabase, readCheckpoint } from "./state-store.ts"

/** A place where the journal does not fit its checksums, or the state store makes no sense. */
export interface Damage {
  readonly file: string
  /** Byte in the file. */
  readonly position: number
  readonly what: string
}

export interface SegmentReport {
  readonly file: string
  readonly bytes: number
  /** Sequence of its first commit, and one past its last whole one. */
  readonly firstCommit: number
  readonly endCommit: number
  /** The index beside it: the last segment has none, a missing or bad one is rebuilt when it is needed. */
  readonly index: "good" | "missing or bad" | "none yet"
}

export interface StreamReport {
  readonly stream: string
  readonly partition: number
  /** Oldest offset kept, and one past the newest. */
  readonly first: number
  readonly next: number
}

/** What a data directory holds and how it is. */
export interface Inspection {
  readonly dir: string
  /** The text of `VERSION`; undefined when it is missing. */
  readonly version: string | undefined
  /** The version that this program reads. */
  readonly versionWanted: string
  readonly holder: (LockHolder & { readonly alive: boolean }) | undefined
  readonly segments: readonly SegmentReport[]
  readonly streams: readonly StreamReport[]
  readonly damage: readonly Damage[]
  /** Bytes at the end of the journal that nobody was promised: a write in progress, or torn and soon cut off. */
  readonly tornBytes: number
  /** Commits that were acknowledged, and those that are folded into the state. */
  readonly acknowledgedCommits: number | undefined
  readonly foldedCommits: number | undefined
  readonly journalBytes: number
  readonly storeBytes: number
  /** Free space of the disk, in bytes. */
  readonly freeBytes: number
}

/** Looks at a data directory. Takes about a second for each gigabyte of journal, and for each million of values of state. */
export async function inspectDirectory(dir: string): Promise<Inspection> {
  // Read before the journal, which only grows: what was acknowledged by now must be found.
  const acknowledgedCommits = readMark(dir)
  const holder = lockHolder(dir)
  const folded = await foldedIn(dir, holder?.alive === true)
  const foldedCommits = typeof folded === "number" ? folded : undefined
  const inspector = new Inspector(dir, Math.max(acknowledgedCommits ?? 0, foldedCommits ?? 0))
  const bases = fs.existsSync(path.join(dir, "journal")) ? segmentBases(dir) : []
  for (const [i, base] of bases.entries()) inspector.segment(base, bases[i + 1])
  inspector.end(bases.length > 0)
  if (folded instanceof Error)
    inspector.damage.push({ file: stateFile(dir), position: 0, what: String(folded.details["what"]) })
  const { bavail, bsize } = fs.statfsSync(dir)
  return {
    dir,
    version: readVersion(dir),
    versionWanted: String(formatVersion),
    holder,
    segments: inspector.segments,
    streams: [...inspector.streams.values()],
    damage: inspector.damage,
    tornBytes: inspector.tornBytes,
    acknowledgedCommits,
    foldedCommits,
    journalBytes: bytesIn(path.join(dir, "journal")),
    storeBytes: bytesIn(path.join(dir, "store")),
    freeBytes: bavail * bsize,
  }
}

class Inspector {
  readonly #dir: string
  readonly #acknowledged: number
  readonly segments: SegmentReport[] = []
  readonly streams = new Map<string, StreamReport>()
  readonly damage: Damage[] = []
  tornBytes = 0
  #next = 0

  constructor(dir: string, acknowledged: number) {
    this.#dir = dir
    this.#acknowledged = acknowledged
  }

  segment(base: number, next: number | undefined): void {
    const file = segmentPath(this.#dir, base)
    if (this.segments.length > 0 && base !== this.#next) {
      this.damage.push({ file, position: 0, what: `commits ${this.#next} to ${base - 1} before it are missing` })
    }
    const fd = fs.openSync(file, "r")
    const faults = this.damage.length
    try {
      const bytes = new SegmentFile(fd)
      const end = this.#frames(file, bytes, base, next === undefined)
      // Behind damage in a segment nobody knows where it ended; the name of the next tells.
      this.#next = next !== undefined && this.damage.length > faults ? next : end
      this.segments.push({
        file,
        bytes: bytes.size,
        firstCommit: base,
        endCommit: end,
        index: this.#index(base, next === undefined),
      })
    } finally {
      fs.closeSync(fd)
    }
  }

  end(hasSegments: boolean): void {
    if (this.#next >= this.#acknowledged || this.damage.length > 0) return
    const file = this.segments.at(-1)?.file ?? path.join(this.#dir, "journal")
    const position = hasSegments ? (this.segments.at(-1)?.bytes ?? 0) - this.tornBytes : 0
    this.damage.push({
      file,
      position,
      what: `commits ${this.#next} to ${this.#acknowledged - 1} were acknowledged and are missing`,
    })
    this.tornBytes = 0
  }

  /** Checks the frames of a segment, going on behind each fault. Returns one past the last sequence found. */
  #frames(file: string, bytes: SegmentFile, base: number, last: boolean): number {
    const header = parseSegmentHeader(bytes.view(0, segmentHeaderBytes))
    if (header === undefined) {
      if (last && bytes.size <= segmentHeaderBytes && this.#acknowledged <= base) this.tornBytes = bytes.size
      else
        this.damage.push({
          file,
          position: 0,
          what: "the segment's header does not fit its checksum; what follows cannot be checked",
        })
      return base
    }
    for (let from = { position: segmentHeaderBytes, sequence: base }; ;) {
      const end: ScanEnd = scan(bytes, header.salt, from, "all", (frame) => this.#note(frame))
      if (end.fault === undefined) return end.sequence
      const torn = last && end.sequence >= this.#acknowledged && provenLater(bytes, header.salt, end) === undefined
      if (torn) {
        this.tornBytes = bytes.size - end.position
        return end.sequence
      }
      this.damage.push({ file, position: end.position, what: end.fault })
      const next = frameAfter(bytes, header.salt, end.position)
      if (next === undefined) return end.sequence
      from = next
    }
  }

  #note(frame: Frame): void {
    for (const { stream, partition, base, count } of frame.appends) {
      const name = `${partition} ${stream}`
      this.streams.set(name, { stream, partition, first: this.streams.get(name)?.first ?? base, next: base + count })
    }
  }

  #index(base: number, last: boolean): SegmentReport["index"] {
    if (last) return "none yet"
    return readIndexSummary(indexPath(this.#dir, base)) === undefined ? "missing or bad" : "good"
  }
}

/** The next frame whose head is good. */
function frameAfter(
  bytes: SegmentFile,
  salt: number,
  position: number,
): { readonly position: number; readonly sequence: number } | undefined {
  for (let at = position; ;) {
    at = bytes.find(frameMagic, at + 1)
    if (at < 0 || at + framePrefixBytes > bytes.size) return undefined
    const frame = frameAt(bytes, salt, at)
    if (typeof frame !== "string") return { position: at, sequence: frame.sequence }
  }
}

/** Commits that are in the state, or what is wrong with it. */
async function foldedIn(dir: string, inUse: boolean): Promise<number | MillraceError | undefined> {
  if (!fs.existsSync(stateFile(dir))) return undefined
  try {
    // A node that has it open has looked, and may be writing right now.
    if (!inUse) checkStateFile(stateFile(dir))
  } catch (error) {
    if (isMillraceError(error)) return error
    throw error
  }
  const database = openStateDatabase(dir, { readOnly: true })
  try {
    const sequence = readCheckpoint(database)?.sequence
    checkValues(database)
    return sequence
  } catch (error) {
    if (isMillraceError(error)) return error
    throw error
  } finally {
    await database.close()
  }
}

function bytesIn(dir: string): number {
  if (!fs.existsSync(dir)) return 0
  return fs
    .readdirSync(dir)
    .reduce((sum, name) => sum + (fs.statSync(path.join(dir, name), { throwIfNoEntry: false })?.size ?? 0), 0)
}

/**
 * What the journal holds, found out when a store opens: the closed segments from their indexes, the last segment frame
 * by frame. Cuts off a torn write at the end, reports everything else that is wrong.
 */
import fs from "node:fs"
import path from "node:path"
import { randomInt } from "node:crypto"
import { BlockPlaces } from "./block-places.ts"
import { damage } from "./disk-refusal.ts"
import { readMark } from "./durable-mark.ts"
import { type Frame, parseSegmentHeader, segmentHeaderBytes } from "./frame.ts"
import type { Catalog } from "./partition-log.ts"
import { buildIndex, type IndexEntry, readIndexSummary, type SegmentSummary } from "./segment-index.ts"
import { indexPath, segmentBases, SegmentFile, segmentPath } from "./segment-file.ts"
import { provenLater, scan, type ScanEnd } from "./segment-scan.ts"
import { type ActiveSegment, type ClosedSegment, createSegment } from "./segments.ts"
import type { Checkpoint } from "./state-store.ts"

export interface Recovered {
  readonly salt: number
  readonly closed: ClosedSegment[]
  readonly active: ActiveSegment
  readonly nextSequence: number
}

/** @throws MR1302 when something that was acknowledged is damaged or missing */
export async function recoverJournal(
  dir: string,
  checkpoint: Checkpoint | undefined,
  catalog: Catalog,
): Promise<Recovered> {
  for (const [stream, ends] of Object.entries(checkpoint?.ends ?? {})) {
    for (const [partition, end] of ends.entries()) {
      const log = catalog.log(stream, partition)
      log.next = log.durable = end ?? 0
    }
  }
  const acknowledged = Math.max(readMark(dir) ?? 0, checkpoint?.sequence ?? 0)
  const bases = segmentBases(dir)
  removeStrayIndexes(dir, new Set(bases))
  const last = bases.at(-1)
  if (last !== undefined && isUnborn(dir, last, acknowledged)) {
    fs.rmSync(segmentPath(dir, last))
    bases.pop()
  }
  const [first] = bases
  if (first === undefined) return await startJournal(dir, acknowledged)
  if (first > (checkpoint?.sequence ?? 0)) {
    throw damage(
      segmentPath(dir, checkpoint?.sequence ?? 0),
      0,
      `the segment is missing; the oldest that is there begins with commit ${first}`,
    )
  }
  const salt = headerOf(dir, first).salt
  const closed = bases.slice(0, -1).map((base, i) => closedSegment(dir, salt, base, bases[i + 1] as number, catalog))
  return { salt, closed, ...openActive(dir, salt, bases.at(-1) as number, acknowledged, catalog) }
}

/** Places of the blocks of one log in a segment, found in the segment itself. */
export function placesIn(dir: string, salt: number, base: number, stream: string, partition: number): BlockPlaces {
  const { entries } = entriesOf(dir, salt, base)
  return entries.find((entry) => entry.stream === stream && entry.partition === partition)?.places ?? new BlockPlaces(0)
}

/** The header of a segment. @throws MR1302 */
function headerOf(dir: string, base: number): { readonly salt: number } {
  const file = segmentPath(dir, base)
  const header = withFile(file, (segment) => parseSegmentHeader(segment.view(0, segmentHeaderBytes)))
  if (header === undefined) throw damage(file, 0, "the segment's header does not fit its checksum")
  if (header.base !== base)
    throw damage(file, 16, `the segment says it begins with commit ${header.base}, its name says ${base}`)
  return header
}

async function startJournal(dir: string, acknowledged: number): Promise<Recovered> {
  if (acknowledged > 0)
    throw damage(
      path.join(dir, "journal"),
      0,
      `all segments are missing; commits up to ${acknowledged - 1} were acknowledged`,
    )
  const salt = randomInt(2 ** 32)
  return { salt, closed: [], active: await createSegment(dir, 0, salt), nextSequence: 0 }
}

/** Whether a crash came while the segment was created: frames follow only when its header is on the disk. */
function isUnborn(dir: string, base: number, acknowledged: number): boolean {
  if (acknowledged > base) return false
  return withFile(segmentPath(dir, base), (file) => {
    return file.size <= segmentHeaderBytes && parseSegmentHeader(file.view(0, segmentHeaderBytes)) === undefined
  })
}

function closedSegment(dir: string, salt: number, base: number, next: number, catalog: Catalog): ClosedSegment {
  const file = segmentPath(dir, base)
  const { size } = fs.statSync(file)
  let summary = readIndexSummary(indexPath(dir, base))
  if (summary === undefined || summary.base !== base) summary = rebuildIndex(dir, salt, base)
  if (summary.bytes !== size)
    throw damage(file, Math.min(size, summary.bytes), `the segment has ${size} bytes and should have ${summary.bytes}`)
  if (summary.endSequence !== next)
    throw damage(
      file,
      size,
      `the segment ends at commit ${summary.endSequence}, the next begins at ${next}; a segment is missing`,
    )
  const logs = summary.chapters.map(({ stream, partition, ...chapter }) => {
    const log = catalog.log(stream, partition)
    log.chapters.push(chapter)
    log.next = log.durable = Math.max(log.durable, chapter.end)
    return log
  })
  return { base, endSequence: next, bytes: size, logs }
}

function rebuildIndex(dir: string, salt: number, base: number): SegmentSummary {
  const { entries, end } = entriesOf(dir, salt, base)
  const { file, summary } = buildIndex({ base, endSequence: end.sequence, bytes: end.position }, entries)
  fs.writeFileSync(indexPath(dir, base), file)
  return summary
}

/** Reads a closed segment whole. @throws MR1302: all of a closed segment was acknowledged */
function entriesOf(dir: string, salt: number, base: number): { readonly entries: IndexEntry[]; readonly end: ScanEnd } {
  headerOf(dir, base)
  const path = segmentPath(dir, base)
  return withFile(path, (file) => {
    const logs = new Map<string, IndexEntry>()
    const end = scan(file, salt, { position: segmentHeaderBytes, sequence: base }, "heads", (frame) => {
      for (const place of frame.appends) {
        const name = `${place.partition} ${place.stream}`
        const { stream, partition } = place
        const places = logs.get(name)?.places ?? new BlockPlaces()
        places.push(place)
        logs.set(name, { stream, partition, appendedAt: frame.appendedAt, places })
      }
    })
    if (end.fault !== undefined) throw damage(path, end.position, end.fault, { sequence: end.sequence })
    return { entries: [...logs.values()], end }
  })
}

function openActive(
  dir: string,
  salt: number,
  base: number,
  acknowledged: number,
  catalog: Catalog,
): Pick<Recovered, "active" | "nextSequence"> {
  headerOf(dir, base)
  const path = segmentPath(dir, base)
  const fd = fs.openSync(path, "r+")
  try {
    const file = new SegmentFile(fd)
    const active: ActiveSegment = { base, path, fd, bytes: segmentHeaderBytes, logs: new Set() }
    const end = scan(file, salt, { position: segmentHeaderBytes, sequence: base }, "all", (frame) =>
      index(frame, active, catalog),
    )
    if (end.sequence < acknowledged) {
      const what = end.fault ?? "the file ends here"
      throw damage(path, end.position, `${what}; commits up to ${acknowledged - 1} were acknowledged`, {
        sequence: end.sequence,
        acknowledged,
      })
    }
    if (end.fault !== undefined) {
      const later = provenLater(file, salt, end)
      if (later !== undefined)
        throw damage(path, end.position, `${end.fault}; the frame at byte ${later} was written after it`, {
          sequence: end.sequence,
        })
      fs.ftruncateSync(fd, end.position)
    }
    active.bytes = end.position
    // What a killed process left in the page cache is good, and must be on the disk before anyone builds on it.
    fs.fsyncSync(fd)
    return { active, nextSequence: end.sequence }
  } catch (error) {
    fs.closeSync(fd)
    throw error
  }
}

function index(frame: Frame, active: ActiveSegment, catalog: Catalog): void {
  for (const place of frame.appends) {
    const log = catalog.log(place.stream, place.partition)
    log.places.push(place)
    log.appendedAt = frame.appendedAt
    log.next = log.durable = place.base + place.count
    active.logs.add(log)
  }
}

function removeStrayIndexes(dir: string, bases: ReadonlySet<number>): void {
  const journal = path.join(dir, "journal")
  for (const name of fs.readdirSync(journal)) {
    if (name.endsWith(".index") && !bases.has(Number.parseInt(name, 10))) fs.rmSync(path.join(journal, name))
  }
}

function withFile<T>(path: string, use: (file: SegmentFile) => T): T {
  const fd = fs.openSync(path, "r")
  try {
    return use(new SegmentFile(fd))
  } finally {
    fs.closeSync(fd)
  }
}

/** What a stage and partition keeps of how far it is, and how others read it: a small part, without the machine that writes it. */
import { ByteReader, readValue } from "@millrace/model"
import type { StateReader } from "./ports/store.ts"

/** Progress of a stage and partition, part of its state. */
export interface Progress {
  readonly consumed: number
  readonly highest: number
  readonly watermark: number
  readonly marks: readonly number[]
  readonly idle: readonly number[]
  /** Clock times: see clock.ts. Absent from what older versions have kept. */
  readonly heldUntil?: number
  readonly heardAt?: number
  readonly backAt?: number
  readonly lastInput: number
  readonly resting: boolean
  readonly ended: boolean
  /** A step that is not whole yet: its time, and the timed operators that have done their part. */
  readonly step: readonly [time: number, operators: readonly string[]] | undefined
  /** What it kept has gone to the partitions that came of its own when its input was resharded. */
  readonly moved?: true
}

/** The scope under which a stage keeps its progress: bucket 0, key `progress`. */
export function stageScope(service: string, stage: string): string {
  return `${service}/${stage}@stage`
}

/** The offset that a stage and partition consumes next, as stored. */
export function storedConsumed(reader: StateReader, service: string, stage: string, partition: number): number {
  return storedProgress(reader, stageScope(service, stage), partition)?.consumed ?? 0
}

/** Undefined before the first transaction. */
export function storedProgress(reader: StateReader, scope: string, partition: number): Progress | undefined {
  for (const [, bytes] of reader.entries(scope, partition, 0)) return readValue(new ByteReader(bytes)) as Progress
  return undefined
}

/** What a request is answered once its records are durable. */
import type { Rejected } from "@millrace/engine"

/** Offsets given to the records of one request in one partition, both ends included. */
interface PositionRange {
  readonly partition: number
  readonly first: number
  readonly last: number
}

export interface Answer {
  readonly accepted: number
  readonly rejected: readonly Rejected[]
  readonly rejectedUnlisted: number
  readonly positions: readonly PositionRange[]
  /** The partition of each record of a keyed body, by index. */
  readonly places?: Uint16Array
}

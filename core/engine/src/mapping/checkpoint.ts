/** What is kept of a mapping's way through one shard: positions and what has failed, never records. */

/** Why records are given up, in Lambda's words. */
export type DiscardCondition = "RetryAttemptsExhausted" | "RecordAgeExceeded"

/** What Lambda says of a function's error; null where the answer named failed records instead. */
export type FunctionError = "Unhandled" | null

/**
 * A piece of a lane whose borders are fixed because it has failed: from where the piece before it ends (the first: from the
 * lane's position) up to `to`.
 */
export interface Piece {
  /** One past the offset of its last record. */
  readonly to: number
  /** Invocations that failed and count. */
  readonly attempts: number
  /** When it failed first, in ms. */
  readonly since: number
  /** Of the last failure. */
  readonly error: FunctionError
  /** It is given up: decided then, and perhaps not yet told to its destination. */
  readonly discard?: { readonly condition: DiscardCondition; readonly at: number }
}

export interface LaneCheckpoint {
  /** All records of the lane before this offset are done. */
  readonly position: number
  /** In the order of their offsets. */
  readonly pieces: readonly Piece[]
}

/** A tumbling window that has begun. */
interface WindowCheckpoint {
  /** ms */
  readonly start: number
  /** JSON */
  readonly state: string
  /** The state has grown too large: its final invocation comes before the window's end. */
  readonly early: boolean
}

export interface ShardCheckpoint {
  readonly lanes: readonly LaneCheckpoint[]
  /**
   * Positions of the lanes that there were before their number changed: a record before the position of its old lane is
   * done. Kept until all new lanes are past them.
   */
  readonly before?: readonly number[]
  readonly window?: WindowCheckpoint
  /** Windows before this are closed, in ms. */
  readonly floor?: number
}

/** Of a shard that nothing was read of yet. */
export function newCheckpoint(offset: number): ShardCheckpoint {
  return { lanes: [{ position: offset, pieces: [] }] }
}

/** The oldest offset that may still be needed. */
export function positionOfCheckpoint({ lanes }: ShardCheckpoint): number {
  return lanes.reduce((least, { position }) => Math.min(least, position), Number.POSITIVE_INFINITY)
}

/** Whether a shard that ends at an offset is done. */
export function isPast(checkpoint: ShardCheckpoint, end: number): boolean {
  return checkpoint.window === undefined && positionOfCheckpoint(checkpoint) >= end
}

/** The same way with so many lanes. Pieces of other lanes are forgotten: their records are tried as new. */
export function withLanes(checkpoint: ShardCheckpoint, count: number): ShardCheckpoint {
  const { lanes, before, ...rest } = checkpoint
  if (lanes.length === count) return checkpoint
  const position = positionOfCheckpoint(checkpoint)
  const made = Array.from({ length: count }, () => ({ position, pieces: [] }))
  // What two changes of the number have left behind is not told apart: the older positions are given up, records repeat.
  const positions = lanes.map((lane) => lane.position)
  const kept = positions.some((each) => each > position) ? positions : undefined
  const older = kept ?? (before !== undefined && Math.max(...before) > position ? before : undefined)
  return { ...rest, lanes: made, ...(older === undefined ? {} : { before: older }) }
}

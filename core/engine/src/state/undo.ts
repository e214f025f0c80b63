/** A step that can be undone: a value given back, a cell taken out, or a dropped bucket put back. */
import type { Bucket, Cell } from "./bucket.ts"

/** Who takes a step back. */
export interface Undoable {
  restore(bucket: Bucket<unknown>, droppedBefore: boolean): void
  giveBack(bucket: Bucket<unknown>, cell: Cell<unknown>, value: unknown): void
  check(value: unknown): void
}

export interface Undo {
  readonly scope: Undoable
  readonly bucket: Bucket<unknown>
  /** Undefined: the bucket was dropped. */
  readonly cell: Cell<unknown> | undefined
  /** Of a cell, its value before; of a bucket, whether another of its number had been dropped before it. */
  readonly before: unknown
}

/** What a cell that was added had before. */
export const absent: unique symbol = Symbol("absent")

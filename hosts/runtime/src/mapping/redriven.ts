/** What a redrive came to. */
export interface Redriven {
  /** Batches and records that the function took. */
  readonly batches: number
  readonly records: number
  /** Batches that still wait: those behind what has failed again. */
  readonly waiting: number
  /** Why it stopped, by stream and partition: of its failures, or its own shard where an object tells it. */
  readonly failures: readonly { readonly stream: string; readonly partition: number; readonly shardId: string; readonly reason: string }[]
}

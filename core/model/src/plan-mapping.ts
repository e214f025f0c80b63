/** Event source mappings in the plan: how the records of a stream become invocations of a function. Names are Lambda's. */

/** Where a mapping begins when it starts for the first time; afterwards it goes on where it was. */
export type StartingPosition =
  | { readonly kind: "TRIM_HORIZON" | "LATEST" }
  /** The first record whose time is at or after this, in ms. */
  | { readonly kind: "AT_TIMESTAMP"; readonly at: number }

/** Where batches go that are given up. */
export type FailureDestination =
  /** A stream of the service. */
  | { readonly kind: "stream"; readonly stream: string }
  /** Objects under `s3://bucket/prefix`. */
  | { readonly kind: "s3"; readonly to: string }

export interface MappingPlan {
  /** The stream whose records are mapped; it may be one that no service defines. */
  readonly stream: string
  readonly batchSize: number
  readonly batchingWindowMs: number
  /** Batches of one shard that may be under way at once: lanes, by partition key. */
  readonly parallelizationFactor: number
  readonly startingPosition: StartingPosition
  /** -1: until the stream's retention has passed. */
  readonly maximumRetryAttempts: number
  /** -1: any. */
  readonly maximumRecordAgeMs: number
  readonly bisectBatchOnFunctionError: boolean
  readonly reportBatchItemFailures: boolean
  /** 0: none. */
  readonly tumblingWindowMs: number
  /** Filter patterns, JSON texts; a record passes that fits one of them. */
  readonly filters: readonly string[]
  readonly onFailure: FailureDestination | null
  readonly enabled: boolean
}

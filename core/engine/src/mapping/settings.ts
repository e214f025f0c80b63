import type { MappingPlan } from "@millrace/model"

/** What a shard's machine must know of its mapping. */
export interface MappingSettings
  extends Pick<
    MappingPlan,
    | "batchSize"
    | "batchingWindowMs"
    | "parallelizationFactor"
    | "maximumRetryAttempts"
    | "maximumRecordAgeMs"
    | "bisectBatchOnFunctionError"
    | "tumblingWindowMs"
  > {
  /** A piece that has failed for as long as its stream keeps records is given up. */
  readonly retentionMs: number
  /** Bytes of an event besides its records and its window's state. */
  readonly envelopeBytes: number
}

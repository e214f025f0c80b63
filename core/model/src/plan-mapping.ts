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
  /** Messages to a queue of SQS or a topic of SNS, by its ARN. */
  | { readonly kind: "sqs" | "sns"; readonly to: string }

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

/** A record as a function gets it. */
export interface KinesisEventRecord {
  readonly kinesis: {
    readonly kinesisSchemaVersion: "1.0"
    readonly partitionKey: string
    readonly sequenceNumber: string
    /** base64 */
    readonly data: string
    /** Seconds since 1970, to the millisecond. */
    readonly approximateArrivalTimestamp: number
  }
  readonly eventSource: "aws:kinesis"
  readonly eventVersion: "1.0"
  /** `shardId-000000000000:` and the sequence number. */
  readonly eventID: string
  readonly eventName: "aws:kinesis:record"
  readonly invokeIdentityArn: string
  readonly awsRegion: string
  readonly eventSourceARN: string
}

/** What a destination is told of a batch that was given up: Lambda's invocation record, with the batch. */
export interface FailedBatch {
  readonly requestContext: {
    readonly requestId: string
    readonly functionArn: string
    readonly condition: "RetryAttemptsExhausted" | "RecordAgeExceeded"
    readonly approximateInvokeCount: number
  }
  /** Not there when its age was the reason. */
  readonly responseContext?: {
    readonly statusCode: 200
    readonly executedVersion: "$LATEST"
    /** Null when the function's answer named records that failed. */
    readonly functionError: "Unhandled" | null
  }
  readonly version: "1.0"
  /** ISO 8601 */
  readonly timestamp: string
  readonly KinesisBatchInfo: {
    readonly shardId: string
    readonly startSequenceNumber: string
    readonly endSequenceNumber: string
    /** ISO 8601 */
    readonly approximateArrivalOfFirstRecord: string
    readonly approximateArrivalOfLastRecord: string
    readonly batchSize: number
    readonly streamArn: string
  }
  readonly payload: { readonly Records: readonly KinesisEventRecord[] }
}

/**
 * What the members of actions' inputs may be: see inputs.ts, of which this is the vocabulary. After the service model
 * `kinesis/2013-12-02/service-2.json` that AWS publishes with its SDKs.
 */
import type { Shape, Structure } from "./shape.ts"

export const streamName: Shape = { kind: "text", min: 1, max: 128, pattern: "[a-zA-Z0-9_.-]+" }
export const tagKey: Shape = { kind: "text", min: 1, max: 128 }
const tagValue: Shape = { kind: "text", min: 0, max: 256 }
export const tagMap: Shape = { kind: "map", key: tagKey, of: tagValue, min: 1, max: 200 }
export const streamARN: Shape = { kind: "text", min: 1, max: 2048, pattern: "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+" }
export const streamId: Shape = { kind: "text", min: 1, max: 24, pattern: "[a-z0-9]{20}-[a-z0-9]{3}" }
export const positiveIntegerObject: Shape = { kind: "whole", min: 1 }
const streamMode: Shape = { kind: "text", values: ["PROVISIONED", "ON_DEMAND"] }
export const streamModeDetails: Structure = {
  kind: "structure",
  members: {
    StreamMode: streamMode,
  },
  required: ["StreamMode"],
}
export const naturalIntegerObject: Shape = { kind: "whole", min: 0 }
export const maxRecordSizeInKiB: Shape = { kind: "whole", min: 1024, max: 10240 }
export const retentionPeriodHours: Shape = { kind: "whole" }
export const resourceARN: Shape = { kind: "text", min: 1, max: 2048, pattern: "arn:aws.*:kinesis:.*:\\d{12}:.*stream/\\S+" }
export const booleanObject: Shape = { kind: "flag" }
export const consumerName: Shape = { kind: "text", min: 1, max: 128, pattern: "[a-zA-Z0-9_.-]+" }
export const consumerARN: Shape = {
  kind: "text", min: 1, max: 2048,
  pattern: "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+",
}
export const describeStreamInputLimit: Shape = { kind: "whole", min: 1, max: 10000 }
export const shardId: Shape = { kind: "text", min: 1, max: 128, pattern: "[a-zA-Z0-9_.-]+" }
const metricsName: Shape = {
  kind: "text",
  values: [
    "IncomingBytes", "IncomingRecords", "OutgoingBytes", "OutgoingRecords", "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded", "IteratorAgeMilliseconds", "ALL",
  ],
}
export const metricsNameList: Shape = { kind: "list", of: metricsName, min: 1, max: 7 }
export const shardIterator: Shape = { kind: "text", min: 1, max: 512 }
export const getRecordsInputLimit: Shape = { kind: "whole", min: 1, max: 10000 }
export const shardIteratorType: Shape = {
  kind: "text",
  values: ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"],
}
export const sequenceNumber: Shape = { kind: "text", pattern: "0|([1-9]\\d{0,128})" }
export const timestamp: Shape = { kind: "time" }
export const nextToken: Shape = { kind: "text", min: 1, max: 1048576 }
export const listShardsInputLimit: Shape = { kind: "whole", min: 1, max: 10000 }
const shardFilterType: Shape = {
  kind: "text",
  values: ["AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP"],
}
export const shardFilter: Structure = {
  kind: "structure",
  members: {
    Type: shardFilterType, ShardId: shardId, Timestamp: timestamp,
  },
  required: ["Type"],
}
export const listStreamConsumersInputLimit: Shape = { kind: "whole", min: 1, max: 10000 }
export const listStreamsInputLimit: Shape = { kind: "whole", min: 1, max: 10000 }
export const listTagsForStreamInputLimit: Shape = { kind: "whole", min: 1, max: 50 }
export const data: Shape = { kind: "bytes", min: 0, max: 10485760 }
export const partitionKey: Shape = { kind: "text", min: 1, max: 256 }
export const hashKey: Shape = { kind: "text", pattern: "0|([1-9]\\d{0,38})" }
const putRecordsRequestEntry: Structure = {
  kind: "structure",
  members: {
    Data: data, ExplicitHashKey: hashKey, PartitionKey: partitionKey,
  },
  required: ["Data", "PartitionKey"],
}
export const putRecordsRequestEntryList: Shape = { kind: "list", of: putRecordsRequestEntry, min: 1, max: 500 }
export const policy: Shape = { kind: "text" }
export const tagKeyList: Shape = { kind: "list", of: tagKey, min: 1, max: 50 }
export const encryptionType: Shape = { kind: "text", values: ["NONE", "KMS"] }
export const keyId: Shape = { kind: "text", min: 1, max: 2048 }
export const startingPosition: Structure = {
  kind: "structure",
  members: {
    Type: shardIteratorType, SequenceNumber: sequenceNumber, Timestamp: timestamp,
  },
  required: ["Type"],
}
const minimumThroughputBillingCommitmentInputStatus: Shape = { kind: "text", values: ["ENABLED", "DISABLED"] }
export const minimumThroughputBillingCommitmentInput: Structure = {
  kind: "structure",
  members: {
    Status: minimumThroughputBillingCommitmentInputStatus,
  },
  required: ["Status"],
}
export const scalingType: Shape = { kind: "text", values: ["UNIFORM_SCALING"] }

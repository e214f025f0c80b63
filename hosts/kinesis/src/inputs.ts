/**
 * The input of every action: what members it has, which of them it must have, and what each may be.
 *
 * After the service model `kinesis/2013-12-02/service-2.json` that AWS publishes with its SDKs; a test compares the two
 * where botocore is installed.
 */
import type { Shape, Structure } from "./shape.ts"

const streamName: Shape = { kind: "text", min: 1, max: 128, pattern: "[a-zA-Z0-9_.-]+" }
const tagKey: Shape = { kind: "text", min: 1, max: 128 }
const tagValue: Shape = { kind: "text", min: 0, max: 256 }
const tagMap: Shape = { kind: "map", key: tagKey, of: tagValue, min: 1, max: 200 }
const streamARN: Shape = { kind: "text", min: 1, max: 2048, pattern: "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+" }
const streamId: Shape = { kind: "text", min: 1, max: 24, pattern: "[a-z0-9]{20}-[a-z0-9]{3}" }
const positiveIntegerObject: Shape = { kind: "whole", min: 1 }
const streamMode: Shape = { kind: "text", values: ["PROVISIONED", "ON_DEMAND"] }
const streamModeDetails: Structure = {
  kind: "structure",
  members: {
    StreamMode: streamMode,
  },
  required: ["StreamMode"],
}
const naturalIntegerObject: Shape = { kind: "whole", min: 0 }
const maxRecordSizeInKiB: Shape = { kind: "whole", min: 1024, max: 10240 }
const retentionPeriodHours: Shape = { kind: "whole" }
const resourceARN: Shape = { kind: "text", min: 1, max: 2048, pattern: "arn:aws.*:kinesis:.*:\\d{12}:.*stream/\\S+" }
const booleanObject: Shape = { kind: "flag" }
const consumerName: Shape = { kind: "text", min: 1, max: 128, pattern: "[a-zA-Z0-9_.-]+" }
const consumerARN: Shape = {
  kind: "text", min: 1, max: 2048,
  pattern: "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+",
}
const describeStreamInputLimit: Shape = { kind: "whole", min: 1, max: 10000 }
const shardId: Shape = { kind: "text", min: 1, max: 128, pattern: "[a-zA-Z0-9_.-]+" }
const metricsName: Shape = {
  kind: "text",
  values: [
    "IncomingBytes", "IncomingRecords", "OutgoingBytes", "OutgoingRecords", "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded", "IteratorAgeMilliseconds", "ALL",
  ],
}
const metricsNameList: Shape = { kind: "list", of: metricsName, min: 1, max: 7 }
const shardIterator: Shape = { kind: "text", min: 1, max: 512 }
const getRecordsInputLimit: Shape = { kind: "whole", min: 1, max: 10000 }
const shardIteratorType: Shape = {
  kind: "text",
  values: ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"],
}
const sequenceNumber: Shape = { kind: "text", pattern: "0|([1-9]\\d{0,128})" }
const timestamp: Shape = { kind: "time" }
const nextToken: Shape = { kind: "text", min: 1, max: 1048576 }
const listShardsInputLimit: Shape = { kind: "whole", min: 1, max: 10000 }
const shardFilterType: Shape = {
  kind: "text",
  values: ["AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP"],
}
const shardFilter: Structure = {
  kind: "structure",
  members: {
    Type: shardFilterType, ShardId: shardId, Timestamp: timestamp,
  },
  required: ["Type"],
}
const listStreamConsumersInputLimit: Shape = { kind: "whole", min: 1, max: 10000 }
const listStreamsInputLimit: Shape = { kind: "whole", min: 1, max: 10000 }
const listTagsForStreamInputLimit: Shape = { kind: "whole", min: 1, max: 50 }
const data: Shape = { kind: "bytes", min: 0, max: 10485760 }
const partitionKey: Shape = { kind: "text", min: 1, max: 256 }
const hashKey: Shape = { kind: "text", pattern: "0|([1-9]\\d{0,38})" }
const putRecordsRequestEntry: Structure = {
  kind: "structure",
  members: {
    Data: data, ExplicitHashKey: hashKey, PartitionKey: partitionKey,
  },
  required: ["Data", "PartitionKey"],
}
const putRecordsRequestEntryList: Shape = { kind: "list", of: putRecordsRequestEntry, min: 1, max: 500 }
const policy: Shape = { kind: "text" }
const tagKeyList: Shape = { kind: "list", of: tagKey, min: 1, max: 50 }
const encryptionType: Shape = { kind: "text", values: ["NONE", "KMS"] }
const keyId: Shape = { kind: "text", min: 1, max: 2048 }
const startingPosition: Structure = {
  kind: "structure",
  members: {
    Type: shardIteratorType, SequenceNumber: sequenceNumber, Timestamp: timestamp,
  },
  required: ["Type"],
}
const minimumThroughputBillingCommitmentInputStatus: Shape = { kind: "text", values: ["ENABLED", "DISABLED"] }
const minimumThroughputBillingCommitmentInput: Structure = {
  kind: "structure",
  members: {
    Status: minimumThroughputBillingCommitmentInputStatus,
  },
  required: ["Status"],
}
const scalingType: Shape = { kind: "text", values: ["UNIFORM_SCALING"] }

/** The actions of the API. */
export type Action =
  | "AddTagsToStream"
  | "CreateStream"
  | "DecreaseStreamRetentionPeriod"
  | "DeleteResourcePolicy"
  | "DeleteStream"
  | "DeregisterStreamConsumer"
  | "DescribeAccountSettings"
  | "DescribeLimits"
  | "DescribeStream"
  | "DescribeStreamConsumer"
  | "DescribeStreamSummary"
  | "DisableEnhancedMonitoring"
  | "EnableEnhancedMonitoring"
  | "GetRecords"
  | "GetResourcePolicy"
  | "GetShardIterator"
  | "IncreaseStreamRetentionPeriod"
  | "ListShards"
  | "ListStreamConsumers"
  | "ListStreams"
  | "ListTagsForResource"
  | "ListTagsForStream"
  | "MergeShards"
  | "PutRecord"
  | "PutRecords"
  | "PutResourcePolicy"
  | "RegisterStreamConsumer"
  | "RemoveTagsFromStream"
  | "SplitShard"
  | "StartStreamEncryption"
  | "StopStreamEncryption"
  | "SubscribeToShard"
  | "TagResource"
  | "UntagResource"
  | "UpdateAccountSettings"
  | "UpdateMaxRecordSize"
  | "UpdateShardCount"
  | "UpdateStreamMode"
  | "UpdateStreamWarmThroughput"

export const inputs: Readonly<Record<Action, Structure>> = {
  AddTagsToStream: {
    kind: "structure",
    members: {
      StreamName: streamName, Tags: tagMap, StreamARN: streamARN, StreamId: streamId,
    },
    required: ["Tags"],
  },
  CreateStream: {
    kind: "structure",
    members: {
      StreamName: streamName, ShardCount: positiveIntegerObject, StreamModeDetails: streamModeDetails, Tags: tagMap,
      WarmThroughputMiBps: naturalIntegerObject, MaxRecordSizeInKiB: maxRecordSizeInKiB,
    },
    required: ["StreamName"],
  },
  DecreaseStreamRetentionPeriod: {
    kind: "structure",
    members: {
      StreamName: streamName, RetentionPeriodHours: retentionPeriodHours, StreamARN: streamARN, StreamId: streamId,
    },
    required: ["RetentionPeriodHours"],
  },
  DeleteResourcePolicy: {
    kind: "structure",
    members: {
      ResourceARN: resourceARN, StreamId: streamId,
    },
    required: ["ResourceARN"],
  },
  DeleteStream: {
    kind: "structure",
    members: {
      StreamName: streamName, EnforceConsumerDeletion: booleanObject, StreamARN: streamARN, StreamId: streamId,
    },
    required: [],
  },
  DeregisterStreamConsumer: {
    kind: "structure",
    members: {
      StreamARN: streamARN, ConsumerName: consumerName, ConsumerARN: consumerARN, StreamId: streamId,
    },
    required: [],
  },
  DescribeAccountSettings: { kind: "structure", members: {  }, required: [] },
  DescribeLimits: { kind: "structure", members: {  }, required: [] },
  DescribeStream: {
    kind: "structure",
    members: {
      StreamName: streamName, Limit: describeStreamInputLimit, ExclusiveStartShardId: shardId, StreamARN: streamARN,
      StreamId: streamId,
    },
    required: [],
  },
  DescribeStreamConsumer: {
    kind: "structure",
    members: {
      StreamARN: streamARN, ConsumerName: consumerName, ConsumerARN: consumerARN, StreamId: streamId,
    },
    required: [],
  },
  DescribeStreamSummary: {
    kind: "structure",
    members: {
      StreamName: streamName, StreamARN: streamARN, StreamId: streamId,
    },
    required: [],
  },
  DisableEnhancedMonitoring: {
    kind: "structure",
    members: {
      StreamName: streamName, ShardLevelMetrics: metricsNameList, StreamARN: streamARN, StreamId: streamId,
    },
    required: ["ShardLevelMetrics"],
  },
  EnableEnhancedMonitoring: {
    kind: "structure",
    members: {
      StreamName: streamName, ShardLevelMetrics: metricsNameList, StreamARN: streamARN, StreamId: streamId,
    },
    required: ["ShardLevelMetrics"],
  },
  GetRecords: {
    kind: "structure",
    members: {
      ShardIterator: shardIterator, Limit: getRecordsInputLimit, StreamARN: streamARN, StreamId: streamId,
    },
    required: ["ShardIterator"],
  },
  GetResourcePolicy: {
    kind: "structure",
    members: {
      ResourceARN: resourceARN, StreamId: streamId,
    },
    required: ["ResourceARN"],
  },
  GetShardIterator: {
    kind: "structure",
    members: {
      StreamName: streamName, ShardId: shardId, ShardIteratorType: shardIteratorType,
      StartingSequenceNumber: sequenceNumber, Timestamp: timestamp, StreamARN: streamARN, StreamId: streamId,
    },
    required: ["ShardId", "ShardIteratorType"],
  },
  IncreaseStreamRetentionPeriod: {
    kind: "structure",
    members: {
      StreamName: streamName, RetentionPeriodHours: retentionPeriodHours, StreamARN: streamARN, StreamId: streamId,
    },
    required: ["RetentionPeriodHours"],
  },
  ListShards: {
    kind: "structure",
    members: {
      StreamName: streamName, NextToken: nextToken, ExclusiveStartShardId: shardId,
      MaxResults: listShardsInputLimit, StreamCreationTimestamp: timestamp, ShardFilter: shardFilter,
      StreamARN: streamARN, StreamId: streamId,
    },
    required: [],
  },
  ListStreamConsumers: {
    kind: "structure",
    members: {
      StreamARN: streamARN, NextToken: nextToken, MaxResults: listStreamConsumersInputLimit,
      StreamCreationTimestamp: timestamp, StreamId: streamId,
    },
    required: ["StreamARN"],
  },
  ListStreams: {
    kind: "structure",
    members: {
      Limit: listStreamsInputLimit, ExclusiveStartStreamName: streamName, NextToken: nextToken,
    },
    required: [],
  },
  ListTagsForResource: {
    kind: "structure",
    members: {
      ResourceARN: resourceARN, StreamId: streamId,
    },
    required: ["ResourceARN"],
  },
  ListTagsForStream: {
    kind: "structure",
    members: {
      StreamName: streamName, ExclusiveStartTagKey: tagKey, Limit: listTagsForStreamInputLimit,
      StreamARN: streamARN, StreamId: streamId,
    },
    required: [],
  },
  MergeShards: {
    kind: "structure",
    members: {
      StreamName: streamName, ShardToMerge: shardId, AdjacentShardToMerge: shardId, StreamARN: streamARN,
      StreamId: streamId,
    },
    required: ["ShardToMerge", "AdjacentShardToMerge"],
  },
  PutRecord: {
    kind: "structure",
    members: {
      StreamName: streamName, Data: data, PartitionKey: partitionKey, ExplicitHashKey: hashKey,
      SequenceNumberForOrdering: sequenceNumber, StreamARN: streamARN, StreamId: streamId,
    },
    required: ["Data", "PartitionKey"],
  },
  PutRecords: {
    kind: "structure",
    members: {
      Records: putRecordsRequestEntryList, StreamName: streamName, StreamARN: streamARN, StreamId: streamId,
    },
    required: ["Records"],
  },
  PutResourcePolicy: {
    kind: "structure",
    members: {
      ResourceARN: resourceARN, StreamId: streamId, Policy: policy,
    },
    required: ["ResourceARN", "Policy"],
  },
  RegisterStreamConsumer: {
    kind: "structure",
    members: {
      StreamARN: streamARN, ConsumerName: consumerName, StreamId: streamId, Tags: tagMap,
    },
    required: ["StreamARN", "ConsumerName"],
  },
  RemoveTagsFromStream: {
    kind: "structure",
    members: {
      StreamName: streamName, TagKeys: tagKeyList, StreamARN: streamARN, StreamId: streamId,
    },
    required: ["TagKeys"],
  },
  SplitShard: {
    kind: "structure",
    members: {
      StreamName: streamName, ShardToSplit: shardId, NewStartingHashKey: hashKey, StreamARN: streamARN,
      StreamId: streamId,
    },
    required: ["ShardToSplit", "NewStartingHashKey"],
  },
  StartStreamEncryption: {
    kind: "structure",
    members: {
      StreamName: streamName, EncryptionType: encryptionType, KeyId: keyId, StreamARN: streamARN,
      StreamId: streamId,
    },
    required: ["EncryptionType", "KeyId"],
  },
  StopStreamEncryption: {
    kind: "structure",
    members: {
      StreamName: streamName, EncryptionType: encryptionType, KeyId: keyId, StreamARN: streamARN,
      StreamId: streamId,
    },
    required: ["EncryptionType", "KeyId"],
  },
  SubscribeToShard: {
    kind: "structure",
    members: {
      ConsumerARN: consumerARN, StreamId: streamId, ShardId: shardId, StartingPosition: startingPosition,
    },
    required: ["ConsumerARN", "ShardId", "StartingPosition"],
  },
  TagResource: {
    kind: "structure",
    members: {
      Tags: tagMap, ResourceARN: resourceARN, StreamId: streamId,
    },
    required: ["Tags", "ResourceARN"],
  },
  UntagResource: {
    kind: "structure",
    members: {
      TagKeys: tagKeyList, ResourceARN: resourceARN, StreamId: streamId,
    },
    required: ["TagKeys", "ResourceARN"],
  },
  UpdateAccountSettings: {
    kind: "structure",
    members: {
      MinimumThroughputBillingCommitment: minimumThroughputBillingCommitmentInput,
    },
    required: ["MinimumThroughputBillingCommitment"],
  },
  UpdateMaxRecordSize: {
    kind: "structure",
    members: {
      StreamARN: streamARN, StreamId: streamId, MaxRecordSizeInKiB: maxRecordSizeInKiB,
    },
    required: ["MaxRecordSizeInKiB"],
  },
  UpdateShardCount: {
    kind: "structure",
    members: {
      StreamName: streamName, TargetShardCount: positiveIntegerObject, ScalingType: scalingType,
      StreamARN: streamARN, StreamId: streamId,
    },
    required: ["TargetShardCount", "ScalingType"],
  },
  UpdateStreamMode: {
    kind: "structure",
    members: {
      StreamARN: streamARN, StreamId: streamId, StreamModeDetails: streamModeDetails,
      WarmThroughputMiBps: naturalIntegerObject,
    },
    required: ["StreamARN", "StreamModeDetails"],
  },
  UpdateStreamWarmThroughput: {
    kind: "structure",
    members: {
      StreamARN: streamARN, StreamName: streamName, StreamId: streamId, WarmThroughputMiBps: naturalIntegerObject,
    },
    required: ["WarmThroughputMiBps"],
  },
}

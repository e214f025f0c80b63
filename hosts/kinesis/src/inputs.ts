/**
 * The input of every action: what members it has, which of them it must have, and what each may be (member-shapes.ts).
 *
 * After the service model `kinesis/2013-12-02/service-2.json` that AWS publishes with its SDKs; a test compares the two
 * where botocore is installed.
 */
import {
  booleanObject, consumerARN, consumerName, data, describeStreamInputLimit, encryptionType, getRecordsInputLimit,
  hashKey, keyId, listShardsInputLimit, listStreamConsumersInputLimit, listStreamsInputLimit,
  listTagsForStreamInputLimit, maxRecordSizeInKiB, metricsNameList, minimumThroughputBillingCommitmentInput,
  naturalIntegerObject, nextToken, partitionKey, policy, positiveIntegerObject, putRecordsRequestEntryList,
  resourceARN, retentionPeriodHours, scalingType, sequenceNumber, shardFilter, shardId, shardIterator,
  shardIteratorType, startingPosition, streamARN, streamId, streamModeDetails, streamName, tagKey, tagKeyList,
  tagMap, timestamp,
} from "./member-shapes.ts"
import type { Shape, Structure } from "./shape.ts"

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
  AddTagsToStream: structure(["Tags"], {
    StreamName: streamName, Tags: tagMap, StreamARN: streamARN, StreamId: streamId,
  }),
  CreateStream: structure(["StreamName"], {
    StreamName: streamName, ShardCount: positiveIntegerObject, StreamModeDetails: streamModeDetails, Tags: tagMap,
    WarmThroughputMiBps: naturalIntegerObject, MaxRecordSizeInKiB: maxRecordSizeInKiB,
  }),
  DecreaseStreamRetentionPeriod: structure(["RetentionPeriodHours"], {
    StreamName: streamName, RetentionPeriodHours: retentionPeriodHours, StreamARN: streamARN, StreamId: streamId,
  }),
  DeleteResourcePolicy: structure(["ResourceARN"], { ResourceARN: resourceARN, StreamId: streamId }),
  DeleteStream: structure([], {
    StreamName: streamName, EnforceConsumerDeletion: booleanObject, StreamARN: streamARN, StreamId: streamId,
  }),
  DeregisterStreamConsumer: structure([], {
    StreamARN: streamARN, ConsumerName: consumerName, ConsumerARN: consumerARN, StreamId: streamId,
  }),
  DescribeAccountSettings: structure([], {}),
  DescribeLimits: structure([], {}),
  DescribeStream: structure([], {
    StreamName: streamName, Limit: describeStreamInputLimit, ExclusiveStartShardId: shardId, StreamARN: streamARN,
    StreamId: streamId,
  }),
  DescribeStreamConsumer: structure([], {
    StreamARN: streamARN, ConsumerName: consumerName, ConsumerARN: consumerARN, StreamId: streamId,
  }),
  DescribeStreamSummary: structure([], { StreamName: streamName, StreamARN: streamARN, StreamId: streamId }),
  DisableEnhancedMonitoring: structure(["ShardLevelMetrics"], {
    StreamName: streamName, ShardLevelMetrics: metricsNameList, StreamARN: streamARN, StreamId: streamId,
  }),
  EnableEnhancedMonitoring: structure(["ShardLevelMetrics"], {
    StreamName: streamName, ShardLevelMetrics: metricsNameList, StreamARN: streamARN, StreamId: streamId,
  }),
  GetRecords: structure(["ShardIterator"], {
    ShardIterator: shardIterator, Limit: getRecordsInputLimit, StreamARN: streamARN, StreamId: streamId,
  }),
  GetResourcePolicy: structure(["ResourceARN"], { ResourceARN: resourceARN, StreamId: streamId }),
  GetShardIterator: structure(["ShardId", "ShardIteratorType"], {
    StreamName: streamName, ShardId: shardId, ShardIteratorType: shardIteratorType,
    StartingSequenceNumber: sequenceNumber, Timestamp: timestamp, StreamARN: streamARN, StreamId: streamId,
  }),
  IncreaseStreamRetentionPeriod: structure(["RetentionPeriodHours"], {
    StreamName: streamName, RetentionPeriodHours: retentionPeriodHours, StreamARN: streamARN, StreamId: streamId,
  }),
  ListShards: structure([], {
    StreamName: streamName, NextToken: nextToken, ExclusiveStartShardId: shardId, MaxResults: listShardsInputLimit,
    StreamCreationTimestamp: timestamp, ShardFilter: shardFilter, StreamARN: streamARN, StreamId: streamId,
  }),
  ListStreamConsumers: structure(["StreamARN"], {
    StreamARN: streamARN, NextToken: nextToken, MaxResults: listStreamConsumersInputLimit,
    StreamCreationTimestamp: timestamp, StreamId: streamId,
  }),
  ListStreams: structure([], {
    Limit: listStreamsInputLimit, ExclusiveStartStreamName: streamName, NextToken: nextToken,
  }),
  ListTagsForResource: structure(["ResourceARN"], { ResourceARN: resourceARN, StreamId: streamId }),
  ListTagsForStream: structure([], {
    StreamName: streamName, ExclusiveStartTagKey: tagKey, Limit: listTagsForStreamInputLimit, StreamARN: streamARN,
    StreamId: streamId,
  }),
  MergeShards: structure(["ShardToMerge", "AdjacentShardToMerge"], {
    StreamName: streamName, ShardToMerge: shardId, AdjacentShardToMerge: shardId, StreamARN: streamARN,
    StreamId: streamId,
  }),
  PutRecord: structure(["Data", "PartitionKey"], {
    StreamName: streamName, Data: data, PartitionKey: partitionKey, ExplicitHashKey: hashKey,
    SequenceNumberForOrdering: sequenceNumber, StreamARN: streamARN, StreamId: streamId,
  }),
  PutRecords: structure(["Records"], {
    Records: putRecordsRequestEntryList, StreamName: streamName, StreamARN: streamARN, StreamId: streamId,
  }),
  PutResourcePolicy: structure(["ResourceARN", "Policy"], {
    ResourceARN: resourceARN, StreamId: streamId, Policy: policy,
  }),
  RegisterStreamConsumer: structure(["StreamARN", "ConsumerName"], {
    StreamARN: streamARN, ConsumerName: consumerName, StreamId: streamId, Tags: tagMap,
  }),
  RemoveTagsFromStream: structure(["TagKeys"], {
    StreamName: streamName, TagKeys: tagKeyList, StreamARN: streamARN, StreamId: streamId,
  }),
  SplitShard: structure(["ShardToSplit", "NewStartingHashKey"], {
    StreamName: streamName, ShardToSplit: shardId, NewStartingHashKey: hashKey, StreamARN: streamARN,
    StreamId: streamId,
  }),
  StartStreamEncryption: structure(["EncryptionType", "KeyId"], {
    StreamName: streamName, EncryptionType: encryptionType, KeyId: keyId, StreamARN: streamARN, StreamId: streamId,
  }),
  StopStreamEncryption: structure(["EncryptionType", "KeyId"], {
    StreamName: streamName, EncryptionType: encryptionType, KeyId: keyId, StreamARN: streamARN, StreamId: streamId,
  }),
  SubscribeToShard: structure(["ConsumerARN", "ShardId", "StartingPosition"], {
    ConsumerARN: consumerARN, StreamId: streamId, ShardId: shardId, StartingPosition: startingPosition,
  }),
  TagResource: structure(["Tags", "ResourceARN"], { Tags: tagMap, ResourceARN: resourceARN, StreamId: streamId }),
  UntagResource: structure(["TagKeys", "ResourceARN"], {
    TagKeys: tagKeyList, ResourceARN: resourceARN, StreamId: streamId,
  }),
  UpdateAccountSettings: structure(["MinimumThroughputBillingCommitment"], {
    MinimumThroughputBillingCommitment: minimumThroughputBillingCommitmentInput,
  }),
  UpdateMaxRecordSize: structure(["MaxRecordSizeInKiB"], {
    StreamARN: streamARN, StreamId: streamId, MaxRecordSizeInKiB: maxRecordSizeInKiB,
  }),
  UpdateShardCount: structure(["TargetShardCount", "ScalingType"], {
    StreamName: streamName, TargetShardCount: positiveIntegerObject, ScalingType: scalingType, StreamARN: streamARN,
    StreamId: streamId,
  }),
  UpdateStreamMode: structure(["StreamARN", "StreamModeDetails"], {
    StreamARN: streamARN, StreamId: streamId, StreamModeDetails: streamModeDetails,
    WarmThroughputMiBps: naturalIntegerObject,
  }),
  UpdateStreamWarmThroughput: structure(["WarmThroughputMiBps"], {
    StreamARN: streamARN, StreamName: streamName, StreamId: streamId, WarmThroughputMiBps: naturalIntegerObject,
  }),
}

function structure(required: readonly string[], members: Readonly<Record<string, Shape>>): Structure {
  return { kind: "structure", members, required }
}

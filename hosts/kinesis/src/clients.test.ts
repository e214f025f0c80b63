// Clients of other languages as they are: boto3, which the tests' Python has, and the AWS command line where it is.
import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { test } from "node:test"
import { run, runPython } from "../test/botocore.ts"
import { openNode } from "../test/node.ts"

const boto3 = `
import boto3, json
from botocore.exceptions import ClientError
k = boto3.client("kinesis")

def failing(act):
    try:
        act()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "nothing"

k.create_stream(StreamName="py", ShardCount=3)
k.get_waiter("stream_exists").wait(StreamName="py")
arn = k.describe_stream_summary(StreamName="py")["StreamDescriptionSummary"]["StreamARN"]
put = k.put_records(StreamName="py", Records=[{"Data": b"\\x00\\xff%d" % i, "PartitionKey": "key %d" % i} for i in range(100)])
read = []
for page in k.get_paginator("list_shards").paginate(StreamName="py", PaginationConfig={"PageSize": 1}):
    for shard in page["Shards"]:
        it = k.get_shard_iterator(StreamName="py", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        read += k.get_records(ShardIterator=it, Limit=10000)["Records"]
k.add_tags_to_stream(StreamName="py", Tags={"a": "1", "b": "2"})
k.remove_tags_from_stream(StreamName="py", TagKeys=["a"])
k.increase_stream_retention_period(StreamName="py", RetentionPeriodHours=48)
k.decrease_stream_retention_period(StreamName="py", RetentionPeriodHours=25)
k.enable_enhanced_monitoring(StreamName="py", ShardLevelMetrics=["ALL"])
k.start_stream_encryption(StreamName="py", EncryptionType="KMS", KeyId="alias/aws/kinesis")
k.update_stream_mode(StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
described = k.describe_stream(StreamName="py")["StreamDescription"]
consumer = k.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
events = k.subscribe_to_shard(ConsumerARN=consumer, ShardId="shardId-000000000001", StartingPosition={"Type": "TRIM_HORIZON"})["EventStream"]
first = next(iter(events))["SubscribeToShardEvent"]
events.close()
print(json.dumps({
    "failed": put["FailedRecordCount"],
    "read": sorted(int(r["Data"][2:]) for r in read),
    "keys": len({r["PartitionKey"] for r in read}),
    "types": sorted({type(r["ApproximateArrivalTimestamp"]).__name__ for r in read}),
    "tags": k.list_tags_for_stream(StreamName="py")["Tags"],
    "retention": described["RetentionPeriodHours"],
    "mode": described["StreamModeDetails"]["StreamMode"],
    "encryption": [described["EncryptionType"], described["KeyId"]],
    "metrics": len(described["EnhancedMonitoring"][0]["ShardLevelMetrics"]),
    "subscribed": len(first["Records"]),
    "consumers": [c["ConsumerName"] for c in k.list_stream_consumers(StreamARN=arn)["Consumers"]],
    "failing": [
        failing(lambda: k.create_stream(StreamName="py", ShardCount=1)),
        failing(lambda: k.describe_stream(StreamName="none")),
        failing(lambda: k.delete_stream(StreamName="py")),
        failing(lambda: k.get_records(ShardIterator="AAAA")),
        failing(lambda: k.increase_stream_retention_period(StreamName="py", RetentionPeriodHours=24)),
        failing(lambda: k.update_shard_count(StreamName="py", TargetShardCount=4, ScalingType="UNIFORM_SCALING")),
    ],
}))
k.delete_stream(StreamName="py", EnforceConsumerDeletion=True)
k.get_waiter("stream_not_exists").wait(StreamName="py")
`

test("boto3 does what it does with AWS", { timeout: 60_000 }, async (t) => {
  const { node } = await openNode(t)
  const { subscribed, ...result } = JSON.parse(await runPython(boto3, node.url)) as Record<string, unknown>
  assert.ok((subscribed as number) > 0)
  assert.deepEqual(result, {
    failed: 0,
    read: Array.from({ length: 100 }, (_, i) => i),
    keys: 100,
    types: ["datetime"],
    tags: [{ Key: "b", Value: "2" }],
    retention: 25,
    mode: "ON_DEMAND",
    encryption: ["KMS", "alias/aws/kinesis"],
    metrics: 7,
    consumers: ["c"],
    failing: [
      "ResourceInUseException",
      "ResourceNotFoundException",
      "ResourceInUseException",
      "InvalidArgumentException",
      "InvalidArgumentException",
      "ValidationException",
    ],
  })
})

test("the AWS command line puts and reads", { timeout: 60_000 }, async (t) => {
  if (spawnSync("aws", ["--version"]).status !== 0) return t.skip("the AWS command line is not on this machine")
  const { node } = await openNode(t)
  const aws = async (...words: string[]) => {
    const out = await run("aws", ["kinesis", ...words, "--output", "json"], node.url)
    return (out === "" ? {} : JSON.parse(out)) as Record<string, unknown>
  }
  await aws("create-stream", "--stream-name", "cli", "--shard-count", "1")
  const put = await aws(
    "put-record",
    "--stream-name",
    "cli",
    "--partition-key",
    "k",
    "--data",
    Buffer.from("hello").toString("base64"),
    "--cli-binary-format",
    "base64",
  ).catch(() =>
    // Version 1 takes text and encodes it itself.
    aws("put-record", "--stream-name", "cli", "--partition-key", "k", "--data", "hello"),
  )
  assert.equal(put["ShardId"], "shardId-000000000000")
  const { ShardIterator: iterator } = await aws(
    "get-shard-iterator",
    "--stream-name",
    "cli",
    "--shard-id",
    "shardId-000000000000",
    "--shard-iterator-type",
    "TRIM_HORIZON",
  )
  const { Records: records } = await aws("get-records", "--shard-iterator", String(iterator))
  assert.deepEqual(
    (records as { Data: string }[]).map(({ Data: data }) => Buffer.from(data, "base64").toString()),
    ["hello"],
  )
})

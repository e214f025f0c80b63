/** PutRecord and PutRecords. */
import { type Api, type StreamNaming, nameOf } from "../api.ts"
import { type KinesisStream, secondOf } from "../catalog.ts"
import { KinesisFailure, nodeFailure } from "../failure.ts"
import type { NewRecord, Placement } from "../node.ts"
import { SequenceNumbers } from "../sequence-number.ts"
import { hashKeyMax, shardId } from "../shard.ts"

interface Entry {
  readonly Data: Uint8Array
  readonly PartitionKey: string
  readonly ExplicitHashKey?: string
}

interface PutRecordInput extends StreamNaming, Entry {}

interface PutRecordsInput extends StreamNaming {
  readonly Records: readonly Entry[]
}

/** Most bytes of data and keys that one request may carry. */
const requestBytesMost = 10_485_760

export async function putRecord(input: PutRecordInput, api: Api): Promise<object> {
  const stream = await api.catalog.get(nameOf(input))
  const tooLarge = sizeFault(input, stream)
  if (tooLarge !== undefined) throw tooLarge
  const [placement] = await api.node.records.put(stream.name, [recordOf(input, stream)])
  if (placement === undefined) throw new Error("put-records: a record without an answer")
  if (placement.kind === "refused") throw nodeFailure(placement.problem)
  return { ...placed(placement, stream), EncryptionType: encryptionOf(stream) }
}

export async function putRecords(input: PutRecordsInput, api: Api): Promise<object> {
  const stream = await api.catalog.get(nameOf(input))
  const entries = input.Records
  const bytes = entries.reduce((sum, { Data: data, PartitionKey: key }) => sum + data.length + key.length, 0)
  if (bytes > requestBytesMost) throw new KinesisFailure("InvalidArgumentException", "Records size exceeds 10 MB limit")
  for (const entry of entries) {
    const fault = sizeFault(entry, stream)
    if (fault !== undefined) throw fault
  }
  const placements = await api.node.records.put(
    stream.name,
    entries.map((entry) => recordOf(entry, stream)),
  )
  let failed = 0
  const results = placements.map((placement) => {
    if (placement.kind === "put") return placed(placement, stream)
    failed++
    const { type, message } = nodeFailure(placement.problem)
    return { ErrorCode: type, ErrorMessage: message }
  })
  return { FailedRecordCount: failed, Records: results, EncryptionType: encryptionOf(stream) }
}

function recordOf(entry: Entry, { placing }: KinesisStream): NewRecord {
  const { Data: data, PartitionKey: key, ExplicitHashKey: explicit } = entry
  return { key, data, partition: explicit === undefined ? placing.ofKey(key) : placing.ofHash(hashOf(explicit)) }
}

function hashOf(explicit: string): bigint {
  const hash = BigInt(explicit)
  if (hash <= hashKeyMax) return hash
  throw new KinesisFailure("InvalidArgumentException", `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${explicit}`)
}

function sizeFault({ Data: data, PartitionKey: key }: Entry, { facts }: KinesisStream): KinesisFailure | undefined {
  const most = facts.recordKiB * 1024
  if (data.length + key.length <= most) return undefined
  return new KinesisFailure(
    "ValidationException",
    `1 validation error detected: Value at 'data' failed to satisfy constraint: Member must have length less than or equal to ${most}`,
  )
}

function placed({ partition, offset }: Extract<Placement, { kind: "put" }>, stream: KinesisStream): object {
  const numbers = stream.numbers[partition] ?? new SequenceNumbers(secondOf(stream.facts.created), partition)
  return { SequenceNumber: numbers.of(offset), ShardId: shardId(partition) }
}

function encryptionOf({ facts }: KinesisStream): "KMS" | "NONE" {
  return facts.encryptionKey === undefined ? "NONE" : "KMS"
}

/** PutRecord and PutRecords. */
import { account, hashKeyMax, hashOf as keyHashOf, secondOf, SequenceNumbers, shardId } from "@millrace/model"
import { type UserRecord, userRecordsOf } from "../aggregate.ts"
import { type Api, type StreamNaming, nameOf } from "../api.ts"
import type { KinesisStream } from "../catalog.ts"
import { KinesisFailure, nodeFailure } from "../failure.ts"
import type { NewRecord, Placement } from "../node.ts"

interface Entry {
  readonly Data: Uint8Array
  readonly PartitionKey: string
  readonly ExplicitHashKey?: string | undefined
}

interface PutRecordInput extends StreamNaming, Entry {
  /** Says nothing here: a record lies behind those that were acknowledged before it was sent. */
  readonly SequenceNumberForOrdering?: string
}

interface PutRecordsInput extends StreamNaming {
  readonly Records: readonly Entry[]
}

/** Most bytes of data and keys that one request may carry. */
const requestBytesMost = 10_485_760

export async function putRecord(input: PutRecordInput, api: Api): Promise<object> {
  const stream = await api.catalog.get(nameOf(input))
  const { SequenceNumberForOrdering: after } = input
  if (after !== undefined && !/^\d{56}$/.test(after)) {
    throw new KinesisFailure("InvalidArgumentException", `ExclusiveMinimumSequenceNumber ${after} used in PutRecord on stream ${stream.name} under account ${account} is invalid.`)
  }
  const tooLarge = sizeFault(input, stream, "data")
  if (tooLarge !== undefined) throw tooLarge
  const [placement] = await put([input], stream, api)
  if (placement === undefined) throw new Error("put-records: a record without an answer")
  if (placement.kind === "refused") throw nodeFailure(placement.problem)
  return { ...placed(placement, await numbered(stream, [placement], api)), EncryptionType: encryptionOf(stream) }
}

export async function putRecords(input: PutRecordsInput, api: Api): Promise<object> {
  const stream = await api.catalog.get(nameOf(input))
  const entries = input.Records
  const bytes = entries.reduce((sum, { Data: data, PartitionKey: key }) => sum + data.length + key.length, 0)
  if (bytes > requestBytesMost) throw new KinesisFailure("InvalidArgumentException", "Records size exceeds 10 MB limit")
  for (const [i, entry] of entries.entries()) {
    const fault = sizeFault(entry, stream, `records.${i + 1}.member.data`)
    if (fault !== undefined) throw fault
  }
  let failed = 0
  const placements = await put(entries, stream, api)
  const now = await numbered(stream, placements, api)
  const results = placements.map((placement) => {
    if (placement.kind === "put") return placed(placement, now)
    failed++
    const { type, message } = nodeFailure(placement.problem)
    return { ErrorCode: type, ErrorMessage: message }
  })
  return { FailedRecordCount: failed, Records: results, EncryptionType: encryptionOf(stream) }
}

/**
 * Puts entries; to a service's stream the user records of an aggregate instead of it. A stream of bytes holds aggregates
 * as they are: whoever reads it takes them apart, as with AWS.
 */
async function put(entries: readonly Entry[], stream: KinesisStream, api: Api): Promise<readonly Placement[]> {
  const { node } = api
  const aggregates = new Map<number, readonly UserRecord[]>()
  if (stream.plan.format !== "bytes") {
    for (const [i, { Data: data }] of entries.entries()) {
      const users = userRecordsOf(data)
      if (users !== undefined && users.length > 0) aggregates.set(i, users)
    }
  }
  const users = [...aggregates.values()].flat()
  // What an aggregate says besides of its place is of no use: its user records have their own.
  if (entries.some((entry, i) => !aggregates.has(i) && isElsewhere(entry.PartitionKey, entry.ExplicitHashKey, stream)) || users.some(({ key, hashKey }) => isElsewhere(key, hashKey, stream)))
    await markHashPlaced(stream, api)
  if (aggregates.size === 0)
    return node.records.put(
      stream.name,
      entries.map((entry) => recordOf(entry, stream)),
    )
  const records: NewRecord[] = []
  for (const [i, entry] of entries.entries()) {
    const own = aggregates.get(i)
    if (own === undefined) records.push(recordOf(entry, stream))
    else
      for (const { key, hashKey, data } of own)
        records.push(recordOf({ Data: data, PartitionKey: key, ExplicitHashKey: hashKey }, stream))
  }
  const placements = await node.records.put(stream.name, records)
  const buried = await bury(placements, records, entries, aggregates, stream, node)
  const results: Placement[] = []
  let at = 0
  for (const i of entries.keys()) {
    const count = aggregates.get(i)?.length ?? 1
    const own = Array.from({ length: count }, (_, n) => buried.get(at + n) ?? (placements[at + n] as Placement))
    results.push(own.find(({ kind }) => kind === "refused") ?? (own[0] as Placement))
    at += count
  }
  return results
}

/** Whether a record goes elsewhere than where its key says, and the stream does not say yet that there are such. */
function isElsewhere(key: string, explicit: string | undefined, { plan, facts }: KinesisStream): boolean {
  if (explicit === undefined || facts.hashPlaced === true) return false
  // A key function decides alone.
  return (!plan.keyed || plan.format === "bytes") && hashOf(explicit) !== keyHashOf(key)
}

/** Said before they are put: what is kept by key could not follow such records through splits and merges. */
async function markHashPlaced({ name }: KinesisStream, { catalog }: Api): Promise<void> {
  await catalog.change(name, ({ facts }) => (facts.hashPlaced === true ? facts : { ...facts, hashPlaced: true }))
}

/**
 * A producer cannot be told which user record of an aggregate was refused, and sends all again for one: so refused ones
 * become dead letters. By index, where they went.
 */
async function bury(
  placements: readonly Placement[],
  records: readonly NewRecord[],
  entries: readonly Entry[],
  aggregates: ReadonlyMap<number, readonly UserRecord[]>,
  { name }: KinesisStream,
  node: Api["node"],
): Promise<ReadonlyMap<number, Placement>> {
  const refused: number[] = []
  let at = 0
  for (const i of entries.keys()) {
    const users = aggregates.get(i)
    for (let n = at; n < at + (users?.length ?? 0); n++) if (isUndecodable(placements[n])) refused.push(n)
    at += users?.length ?? 1
  }
  if (refused.length === 0) return new Map()
  const buried = refused.map((index) => records[index] as NewRecord)
  const offsets = await node.records.bury(name, buried)
  return new Map(
    refused.map((index, n) => [
      index,
      { kind: "put", partition: (buried[n] as NewRecord).partition, offset: offsets[n] as number },
    ]),
  )
}

/** What the stage, too, finds to be no record of its stream. */
function isUndecodable(placement: Placement | undefined): boolean {
  return placement?.kind === "refused" && (placement.problem.code === "MR1001" || placement.problem.code === "MR1002")
}

function recordOf(entry: Entry, { placing }: KinesisStream): NewRecord {
  const { Data: data, PartitionKey: key, ExplicitHashKey: explicit } = entry
  return { key, data, partition: explicit === undefined ? placing.ofKey(key) : placing.ofHash(hashOf(explicit)) }
}

function hashOf(explicit: string): bigint {
  const hash = BigInt(explicit)
  if (hash <= hashKeyMax) return hash
  throw new KinesisFailure(
    "InvalidArgumentException",
    `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${explicit}`,
  )
}

function sizeFault({ Data: data, PartitionKey: key }: Entry, { facts }: KinesisStream, at: string): KinesisFailure | undefined {
  const most = facts.recordKiB * 1024
  if (data.length + key.length <= most) return undefined
  return new KinesisFailure(
    "ValidationException",
    `1 validation error detected: Value at '${at}' failed to satisfy constraint: Member must have length less than or equal to ${most}`,
  )
}

/** The stream as it is now, where it was resharded while the records were on their way. */
async function numbered(stream: KinesisStream, placements: readonly Placement[], { catalog }: Api): Promise<KinesisStream> {
  const isKnown = (each: Placement): boolean => each.kind === "refused" || each.partition < stream.numbers.length
  return placements.every(isKnown) ? stream : catalog.get(stream.name)
}

function placed({ partition, offset }: Extract<Placement, { kind: "put" }>, stream: KinesisStream): object {
  const numbers = stream.numbers[partition] ?? new SequenceNumbers(secondOf(stream.facts.created), partition)
  return { SequenceNumber: numbers.of(offset), ShardId: shardId(partition) }
}

function encryptionOf({ facts }: KinesisStream): "KMS" | "NONE" {
  return facts.encryptionKey === undefined ? "NONE" : "KMS"
}

/**
 * Redriving from objects in S3: each shard's failed batches in their order, which is that of the seconds in their names and, within a second, of their
 * sequence numbers. An object whose batch was taken is removed; of one that was taken in part the rest is put back under its name.
 */
import type { ObjectPlace } from "@millrace/engine"
import { type FailedBatch, errorData } from "@millrace/model"
import type { Mapping, MappingNode } from "./mapping.ts"
import { failedBatchPrefix } from "./failed-batch.ts"
import type { Redriven } from "./redriven.ts"
import { retaken } from "./retaken.ts"

interface Tally {
  batches: number
  records: number
  waiting: number
  readonly failures: Redriven["failures"][number][]
}

/** @throws MR1501 when the bucket refuses: what was taken until then is gone from it */
export async function redriveObjects(node: MappingNode, mapping: Mapping, place: ObjectPlace, signal: AbortSignal): Promise<Redriven> {
  const tally: Tally = { batches: 0, records: 0, waiting: 0, failures: [] }
  const failed: Set<string> = new Set()
  for await (const names of bySecond(place, failedBatchPrefix(mapping.uuid))) {
    for (const name of await inOrder(place, names)) {
      if (signal.aborted) return tally
      const shardId = shardOf(name)
      if (failed.has(shardId)) {
        tally.waiting++
        continue
      }
      const reason = await redriven(node, mapping, place, name, tally, signal)
      if (reason === undefined) continue
      failed.add(shardId)
      tally.waiting++
      tally.failures.push({ stream: mapping.plan.stream, partition: Number(shardId.slice(-12)), shardId, reason })
    }
  }
  return tally
}

/** Why it was not taken as a whole; undefined: it was, and is gone. */
async function redriven(node: MappingNode, mapping: Mapping, place: ObjectPlace, name: string, tally: Tally, signal: AbortSignal): Promise<string | undefined> {
  const batch = await batchOf(place, name)
  // Another redrive, or somebody by hand, has removed it.
  if (batch === undefined) return undefined
  if (batch === "foreign") return `the object ${name} is none of Lambda's failed batches`
  const { taken, reason } = await retaken(node, mapping, batch, 0, signal)
  tally.records += taken
  if (reason === undefined) {
    await place.remove(name)
    tally.batches++
  } else if (taken > 0) await place.put(name, Buffer.from(JSON.stringify(rest(batch, taken))))
  return reason
}

/** The names under a prefix, those of one shard and second together. */
async function* bySecond(place: ObjectPlace, prefix: string): AsyncGenerator<readonly string[]> {
  let names: string[] = []
  for await (const name of place.list(prefix)) {
    const [first] = names
    if (first !== undefined && secondOf(first) !== secondOf(name)) {
      yield names
      names = []
    }
    names.push(name)
  }
  if (names.length > 0) yield names
}

/** What a name says up to its UUID: the shard and the second. */
function secondOf(name: string): string {
  return name.slice(0, -36)
}

function shardOf(name: string): string {
  return name.split("/")[3] ?? ""
}

/** Batches are read once more when it is their turn: all those of a second may be more than fits. */
async function inOrder(place: ObjectPlace, names: readonly string[]): Promise<readonly string[]> {
  if (names.length < 2) return names
  const starts = new Map<string, string>()
  for (const name of names) {
    const batch = await batchOf(place, name)
    starts.set(name, batch === undefined || batch === "foreign" ? "" : batch.KinesisBatchInfo.startSequenceNumber)
  }
  const startOf = (name: string): string => starts.get(name) ?? ""
  return names.toSorted((a, b) => startOf(a).length - startOf(b).length || (startOf(a) < startOf(b) ? -1 : 1))
}

async function batchOf(place: ObjectPlace, name: string): Promise<FailedBatch | "foreign" | undefined> {
  const bytes = await place.get(name)
  if (bytes === undefined) return undefined
  try {
    const batch = JSON.parse(Buffer.from(bytes).toString()) as FailedBatch
    const isBatch = Array.isArray(batch.payload.Records) && typeof batch.KinesisBatchInfo.startSequenceNumber === "string"
    return isBatch ? batch : "foreign"
  } catch (error) {
    if (errorData(error).code === "MR1501") throw error
    return "foreign"
  }
}

/** What is left of a batch, as a failed batch of its own. */
function rest({ KinesisBatchInfo: info, payload, ...batch }: FailedBatch, from: number): FailedBatch {
  const Records = payload.Records.slice(from)
  const kinesis = Records[0]?.kinesis
  if (kinesis === undefined) throw new Error("redrive: nothing is left of a batch that was not taken")
  return {
    ...batch,
    KinesisBatchInfo: {
      ...info,
      startSequenceNumber: kinesis.sequenceNumber,
      approximateArrivalOfFirstRecord: new Date(Math.round(kinesis.approximateArrivalTimestamp * 1000)).toISOString(),
      batchSize: Records.length,
    },
    payload: { Records },
  }
}

/** What destinations are told of a batch that was given up: Lambda's invocation record, as JSON text, and its name in S3. */
import type { DiscardEffect } from "@millrace/engine"
import { type FailedBatch, account, limits } from "@millrace/model"
import { uuidOf } from "../uuid-of.ts"
import type { EventRecord, KinesisEvents } from "./kinesis-event.ts"

export interface FailedBatchFacts extends Pick<DiscardEffect, "condition" | "attempts" | "error" | "at"> {
  readonly requestId: string
  readonly function: string
  readonly region: string
}

function functionArn(region: string, name: string): string {
  return `arn:aws:lambda:${region}:${account}:function:${name}`
}

/** The whole batch as one text. */
export function failedBatch(records: readonly EventRecord[], facts: FailedBatchFacts, events: KinesisEvents): string {
  return `${failedBatchFacts(records, facts, events).slice(0, -1)},"payload":${events.event(records)}}`
}

/** What queues and topics are told: all but the batch itself. */
export function failedBatchFacts(records: readonly EventRecord[], facts: FailedBatchFacts, events: KinesisEvents): string {
  const { condition, attempts, error, at, requestId, function: name, region } = facts
  const first = records[0] as EventRecord
  const last = records.at(-1) as EventRecord
  const about: Omit<FailedBatch, "payload"> = {
    requestContext: { requestId, functionArn: functionArn(region, name), condition, approximateInvokeCount: attempts },
    ...(condition === "RecordAgeExceeded" ? {} : { responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: error } }),
    version: "1.0",
    timestamp: new Date(at).toISOString(),
    KinesisBatchInfo: {
      shardId: events.shardId,
      startSequenceNumber: events.sequenceNumber(first.offset),
      endSequenceNumber: events.sequenceNumber(last.offset),
      approximateArrivalOfFirstRecord: new Date(first.time).toISOString(),
      approximateArrivalOfLastRecord: new Date(last.time).toISOString(),
      batchSize: records.length,
      streamArn: events.streamArn,
    },
  }
  return JSON.stringify(about)
}

/**
 * The batch in as many texts as it takes for each to fit a record of a stream: each is a batch of its own, in the batch's
 * order. A single record whose base64 is larger goes by itself.
 */
export function failedBatches(records: readonly EventRecord[], facts: FailedBatchFacts, events: KinesisEvents): string[] {
  const texts: string[] = []
  const room = limits.recordBytesMax - aboutBytes
  for (let from = 0; from < records.length; ) {
    let bytes = 0
    let to = from
    for (; to < records.length; to++) {
      const { key, headers, data } = records[to] as EventRecord
      bytes += events.bytesOf(key, headers, data.length) + 1
      if (to > from && bytes > room) break
    }
    texts.push(failedBatch(records.slice(from, to), facts, events))
    from = to
  }
  return texts
}

/** Bytes of a text besides its records, at most. */
const aboutBytes = 4_096

/** What the names of a mapping's objects begin with. */
export function failedBatchPrefix(mappingUuid: string): string {
  return `aws/lambda/${mappingUuid}/`
}

/** The object's name in S3, as Lambda has it; the same for the same batch given up at the same moment. */
export function failedBatchName(mappingUuid: string, { at }: FailedBatchFacts, events: KinesisEvents, first: EventRecord): string {
  const [date = "", time = ""] = new Date(at).toISOString().slice(0, 19).split("T")
  const unique = uuidOf(`${mappingUuid} ${events.sequenceNumber(first.offset)} ${at}`)
  return `${failedBatchPrefix(mappingUuid)}${events.shardId}/${date.replaceAll("-", "/")}/${date}T${time.replaceAll(":", ".")}-${unique}`
}

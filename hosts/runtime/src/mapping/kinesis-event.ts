/** The events of functions: records of a shard exactly as Lambda hands them on, as JSON text. */
import type { WindowFacts } from "@millrace/engine"
import { type SequenceNumbers, account, partitionKeyOf, shardId, streamArn } from "@millrace/model"

/** A record whose data was read. */
export interface EventRecord {
  readonly offset: number
  readonly key: string
  readonly headers: string
  /** ms */
  readonly time: number
  readonly data: Uint8Array
}

/** Of whom an event says that it invokes. */
const role = `arn:aws:iam::${account}:role/millrace`

/** Digits of a time in seconds with its milliseconds, at most. */
const timeLength = 20
const sequenceLength = 56

/** Writes the events of one shard. */
export class KinesisEvents {
  readonly shardId: string
  readonly streamArn: string
  readonly #numbers: SequenceNumbers
  readonly #middle: string
  readonly #tail: string
  readonly #fixedBytes: number

  constructor(stream: string, partition: number, numbers: SequenceNumbers, region: string) {
    this.shardId = shardId(partition)
    this.streamArn = streamArn(region, stream)
    this.#numbers = numbers
    this.#middle = `},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"${this.shardId}:`
    const text = JSON.stringify
    this.#tail = `","eventName":"aws:kinesis:record","invokeIdentityArn":${text(role)},"awsRegion":${text(region)},"eventSourceARN":${text(this.streamArn)}}`
    this.#fixedBytes = head.length + sequenceAt.length + dataAt.length + timeAt.length + this.#middle.length + this.#tail.length + 2 * sequenceLength + timeLength
  }

  /** Bytes of an event besides its records and its window's state. */
  get envelopeBytes(): number {
    return 256 + this.shardId.length + this.streamArn.length
  }

  sequenceNumber(offset: number): string {
    return this.#numbers.of(offset)
  }

  /** Bytes that a record takes in an event: a few more than it will be, never fewer. */
  bytesOf(key: string, headers: string, dataLength: number): number {
    const given = partitionKeyOf(key, headers)
    const keyBytes = plain.test(given) ? given.length + 2 : Buffer.byteLength(JSON.stringify(given))
    return this.#fixedBytes + keyBytes + 4 * Math.ceil(dataLength / 3)
  }

  event(records: readonly EventRecord[], window?: WindowFacts): string {
    const list = `"Records":[${records.map((record) => this.record(record)).join(",")}]`
    if (window === undefined) return `{${list}}`
    const { start, end, state, isFinal, isEarly } = window
    const bounds = `"window":{"start":"${instant(start)}","end":"${instant(end)}"}`
    const flags = `"isFinalInvokeForWindow":${isFinal},"isWindowTerminatedEarly":${isEarly}`
    return `{${list},${bounds},"state":${state},"shardId":"${this.shardId}","eventSourceARN":"${this.streamArn}",${flags}}`
  }

  record({ offset, key, headers, time, data }: EventRecord): string {
    const number = this.#numbers.of(offset)
    const base64 = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64")
    const given = JSON.stringify(partitionKeyOf(key, headers))
    return `${head}${given}${sequenceAt}${number}${dataAt}${base64}${timeAt}${Math.round(time) / 1000}${this.#middle}${number}${this.#tail}`
  }
}

const head = '{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":'
const sequenceAt = ',"sequenceNumber":"'
const dataAt = '","data":"'
const timeAt = '","approximateArrivalTimestamp":'

/** Keys whose JSON is themselves between quotes. */
const plain = /^[ !#-[\]-~]*$/

/** A window's bound as Lambda writes it: without milliseconds where there are none. */
function instant(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z")
}

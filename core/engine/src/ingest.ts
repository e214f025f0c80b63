/**
 * From the body of a request to blocks: decodes, checks, keys, times and places each record. Runs on a worker, beside the
 * stages, so that what was decoded here need not be decoded again there.
 *
 * I1  A record is accepted whole or rejected with its index and reason; one bad record never spoils its neighbours.
 * I2  Accepted records keep the order of the request within their partition.
 * I3  The stored value is the record's own JSON text as it came (NDJSON), so that a reader gets what was sent.
 */
import {
  BlockWriter,
  type ErrorData,
  MillraceError,
  type StreamCode,
  type StreamPlan,
  type TraceFields,
  checkJsonDepth,
  errorData,
  errorFrom,
  isMillraceError,
  limits,
  partitionOf,
  type Placing,
  shallowJson,
} from "@millrace/model"
import { Again, type Batch, checked } from "./batch.ts"
import { checkedKey, isoInstant, keyOf, timeOf } from "./event-time.ts"
import { KeyedRecords, nowhere } from "./keyed-body.ts"
import type { Append } from "./ports/store.ts"

/** How a request body holds its records. */
export type BodyFormat =
  | "json"
  | "ndjson"
  | "cloudevent"
  | "cloudevents"
  /** Records with the key that their sender gave them, packed by {@link KeyedBody}. */
  | "keyed"

export interface Rejected {
  readonly index: number
  readonly problem: ErrorData
}

/** Records of a body that killed or hung their worker before, by index, with the reason. */
export type IngestPoison = ReadonlyMap<number, ErrorData>

/** What became of a body: one block per partition that got records, and the same records decoded. */
export interface Ingested {
  readonly accepted: number
  readonly rejected: readonly Rejected[]
  /** Rejections beyond those listed. */
  readonly rejectedUnlisted: number
  readonly appends: readonly Append[]
  /** The partition of each record of a `keyed` body by index; {@link nowhere} for a rejected one. */
  readonly places?: Uint16Array<ArrayBuffer>
  /** Decoded records of each append; offsets count from 0. */
  readonly batches: readonly Batch[]
}

interface Placed {
  readonly block: BlockWriter
  readonly values: unknown[]
  readonly keys: string[]
  readonly times: number[]
}

const newline = 10
// A byte order mark before the body is no part of it; anywhere else it is a character, and no JSON begins with it.
const strictText = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const byteOrderMark = [0xef, 0xbb, 0xbf] as const

/** Decodes bodies for one stream, request after request, on one thread. */
export class Intake {
  readonly #stream: StreamPlan
  readonly #code: StreamCode | undefined
  readonly #cursor: Float64Array
  /** Undefined: the stream has the shards that it was made with. */
  readonly #placing: Placing | undefined
  readonly #placed: (Placed | undefined)[]
  /** Blocks are reused: a writer keeps its buffer from request to request. */
  readonly #blocks: (BlockWriter | undefined)[]
  #rejected: Rejected[] = []
  #unlisted = 0
  #accepted = 0
  #index = 0
  #now = 0
  /** Headers that the request gives to records without headers of their own. */
  #headers = ""
  #trace: TraceFields = {}
  #spread = 0
  /** Partitions of a keyed body's records, as they are placed. */
  #places: number[] | undefined

  /**
   * @param cursor - gets the index of each record before user code sees it
   * @param placing - of a stream that was resharded
   */
  constructor(stream: StreamPlan, code: StreamCode | undefined, cursor: Float64Array, placing?: Placing) {
    this.#stream = stream
    this.#code = code
    this.#cursor = cursor
    this.#placing = placing
    const partitions = placing?.count ?? stream.partitions
    this.#placed = Array.from({ length: partitions }, () => undefined)
    this.#blocks = Array.from({ length: partitions }, () => undefined)
  }

  /**
   * @param now - the clock, in ms: the event time of records that carry none
   * @param poison - records that are rejected unseen
   * @param trace - of the request: of each record that brings none of its own
   * @throws MR1001 when a body that is one JSON text cannot be parsed, MR1007 when it has too many records
   */
  take(body: Uint8Array, format: BodyFormat, now: number, poison?: IngestPoison, trace: TraceFields = {}): Ingested {
    this.#now = now
    this.#trace = trace
    this.#headers = trace.traceparent === undefined ? "" : JSON.stringify(trace)
    this.#accepted = 0
    this.#index = 0
    this.#rejected = []
    this.#unlisted = 0
    this.#spread++
    const text = byteOrderMark.every((byte, i) => body[i] === byte) ? body.subarray(byteOrderMark.length) : body
    try {
      if (format === "ndjson") this.#lines(text, poison)
      else if (format === "keyed") this.#keyed(body, poison)
      else this.#document(text, format, poison)
      return this.#finish()
    } finally {
      this.#places = undefined
      // A refused body leaves nothing for the next one.
      this.#placed.fill(undefined)
      for (const block of this.#blocks) block?.rewind(0, 0)
    }
  }

  #lines(body: Uint8Array, poison: IngestPoison | undefined): void {
    const text = asciiText(body)
    for (let from = 0; from < body.length; ) {
      let to = text === undefined ? body.indexOf(newline, from) : text.indexOf("\n", from)
      if (to < 0) to = body.length
      const end = to > from && body[to - 1] === 13 ? to - 1 : to
      if (end > from && !blank(body, from, end)) {
        const reason = poison?.get(this.#index)
        if (reason !== undefined) this.#reject(reason)
        else this.#line(text === undefined ? undefined : text.slice(from, end), body, from, end)
        this.#index++
        if (this.#index > limits.requestRecordsMax) throw tooMany()
      }
      from = to + 1
    }
  }

  #line(text: string | undefined, body: Uint8Array, from: number, to: number): void {
    this.#cursor[0] = this.#index
    try {
      if (to - from > limits.recordBytesMax) throw tooLarge(to - from)
      this.#place(this.#parsed(text ?? decoded(body, from, to)), body, from, to, undefined, this.#headers, undefined)
    } catch (fault) {
      this.#reject(recordFault(fault, this.#stream.name))
    }
  }

  #keyed(body: Uint8Array, poison: IngestPoison | undefined): void {
    const places: number[] = []
    this.#places = places
    const records = new KeyedRecords(body)
    for (; records.next(); this.#index++) {
      if (this.#index >= limits.requestRecordsMax) throw tooMany()
      this.#cursor[0] = this.#index
      const { key, partition } = records
      const { from, to } = trimmed(body, records.dataStart, records.dataEnd)
      try {
        const reason = poison?.get(this.#index)
        if (reason !== undefined) throw errorFrom(reason)
        if (to - from > limits.recordBytesMax) throw tooLarge(to - from)
        const value = this.#parsed(decoded(body, from, to))
        if (hasLineBreak(body, from, to)) {
          // Read back, a value is one line.
          const line = encoder.encode(JSON.stringify(value))
          this.#place(value, line, 0, line.length, undefined, "", key, partition)
        } else this.#place(value, body, from, to, undefined, "", key, partition)
      } catch (fault) {
        places.push(nowhere)
        this.#reject(recordFault(fault, this.#stream.name))
      }
    }
  }

  #document(body: Uint8Array, format: BodyFormat, poison: IngestPoison | undefined): void {
    const document = parsed(decoded(body, 0, body.length))
    const many = format === "cloudevents" || (format === "json" && Array.isArray(document))
    if (many && !Array.isArray(document)) {
      throw new MillraceError("MR1015", "A CloudEvents batch is a JSON array of events.")
    }
    const items = many ? (document as unknown[]) : [document]
    if (items.length > limits.requestRecordsMax) throw tooMany()
    for (const item of items) {
      this.#cursor[0] = this.#index
      const reason = poison?.get(this.#index)
      if (reason !== undefined) this.#reject(reason)
      else {
        try {
          if (format === "json") this.#value(item, undefined, this.#headers, undefined)
          else this.#cloudEvent(item)
        } catch (fault) {
          this.#reject(recordFault(fault, this.#stream.name))
        }
      }
      this.#index++
    }
  }

  #cloudEvent(event: unknown): void {
    if (typeof event !== "object" || event === null) throw new MillraceError("MR1015", "A CloudEvent is a JSON object.")
    const { data, time, data_base64: binary, ...attributes } = event as Record<string, unknown>
    for (const name of ["specversion", "id", "source", "type"]) {
      const found = attributes[name]
      if (typeof found !== "string" || found === "") {
        throw new MillraceError("MR1015", `The CloudEvent has no "${name}"; version 1.0 asks for specversion, id, source and type.`)
      }
    }
    if (attributes["specversion"] !== "1.0") throw new MillraceError("MR1015", 'The CloudEvent\'s "specversion" is not "1.0".')
    if (binary !== undefined) {
      throw new MillraceError("MR1015", 'The CloudEvent carries "data_base64"; a record is JSON: send it as "data".')
    }
    let at: number | undefined
    if (time !== undefined) {
      at = typeof time === "string" ? isoInstant(time) : Number.NaN
      if (Number.isNaN(at)) throw new MillraceError("MR1004", 'The CloudEvent\'s "time" is not an RFC 3339 time.')
    }
    const { partitionkey, subject } = attributes
    const key = [partitionkey, subject].find((each) => typeof each === "string" && each !== "")
    const trace = attributes["traceparent"] === undefined ? this.#trace : {}
    const headers = this.#jsonOf({ ...attributes, ...(time === undefined ? {} : { time }), ...trace })
    const bytes = encoder.encode(headers).length
    if (bytes > limits.recordHeadersBytesMax) {
      throw new MillraceError(
        "MR1013",
        `The CloudEvent's attributes have ${bytes} bytes; at most ${limits.recordHeadersBytesMax} are taken. Put them into "data".`,
        { bytes, most: limits.recordHeadersBytesMax },
      )
    }
    this.#value(data, at, headers, key)
  }

  #value(value: unknown, time: number | undefined, headers: string, key: unknown): void {
    if (value === undefined) throw new MillraceError("MR1015", 'The CloudEvent has no "data".')
    const text = this.#jsonOf(value)
    const bytes = encoder.encode(text)
    if (bytes.length > limits.recordBytesMax) throw tooLarge(bytes.length)
    this.#place(value, bytes, 0, bytes.length, time, headers, key)
  }

  /** The value of one record's JSON. */
  #parsed(text: string): unknown {
    const value = parsed(text)
    checkJsonDepth(text, `stream "${this.#stream.name}"`)
    return value
  }

  /** The JSON of what was parsed with other records. */
  #jsonOf(value: unknown): string {
    return shallowJson(value, `stream "${this.#stream.name}"`) as string
  }

  /** Checks a value and appends it, stored as the given bytes. */
  #place(
    raw: unknown,
    bytes: Uint8Array,
    from: number,
    to: number,
    givenTime: number | undefined,
    headers: string,
    givenKey: unknown,
    givenPartition: number = nowhere,
  ): void {
    const stream = this.#stream
    const code = this.#code
    const value = checked(raw, stream.name, code)
    const key = code?.key === undefined && givenKey !== undefined ? checkedKey(givenKey, `stream "${stream.name}"`) : keyOf(value, stream, code)
    const time =
      code?.time === undefined && givenTime !== undefined
        ? timeOf(givenTime, this.#now, stream, givenTimeCode)
        : timeOf(value, this.#now, stream, code)
    const partition = code?.key === undefined && this.#takes(givenPartition) ? givenPartition : this.#partitionOf(key)
    const placed = (this.#placed[partition] ??= this.#open(partition))
    const { block } = placed
    const start = block.length
    // The stream's own key places a record; what its sender called its key is kept beside it.
    const beside = this.#places !== undefined && key !== givenKey ? JSON.stringify({ partitionkey: givenKey }) : headers
    block.beginRecord(key, time, beside).bytesOf(bytes, from, to)
    block.endRecord(start)
    placed.values.push(value)
    placed.keys.push(key)
    placed.times.push(time)
    this.#places?.push(partition)
    this.#accepted++
  }

  #takes(partition: number): boolean {
    return this.#placing === undefined ? partition < this.#stream.partitions : this.#placing.isOpen(partition)
  }

  #partitionOf(key: string): number {
    const placing = this.#placing
    if (placing === undefined) {
      const { partitions } = this.#stream
      return key === "" ? this.#spread % partitions : partitionOf(key, partitions)
    }
    if (key !== "") return placing.ofKey(key)
    const { open } = placing
    return open[this.#spread % open.length] as number
  }

  #open(partition: number): Placed {
    const block = (this.#blocks[partition] ??= new BlockWriter())
    return { block, values: [], keys: [], times: [] }
  }

  #reject(problem: ErrorData): void {
    if (this.#rejected.length < limits.rejectionsListedMax) this.#rejected.push({ index: this.#index, problem })
    else this.#unlisted++
  }

  #finish(): Ingested {
    const appends: Append[] = []
    const batches: Batch[] = []
    for (const [partition, placed] of this.#placed.entries()) {
      if (placed === undefined) continue
      const { block: writer, values, keys, times } = placed
      const { count } = writer
      const block = writer.take()
      appends.push({ stream: this.#stream.name, partition, count, block })
      const again = new Again(block, 0, this.#stream, this.#code)
      batches.push({ base: 0, count, kinds: undefined, values, keys, times, upstreams: undefined, bytes: block.length, again })
    }
    const places = this.#places === undefined ? {} : { places: Uint16Array.from(this.#places) }
    return { accepted: this.#accepted, rejected: this.#rejected, rejectedUnlisted: this.#unlisted, appends, batches, ...places }
  }
}

const encoder = new TextEncoder()

/** Takes a time that came beside the value through the same checks. */
const givenTimeCode: StreamCode = { schema: undefined, key: undefined, time: (time: number) => time }

/** The body as one text if it is all ASCII, the common case: then places in the text are places in the bytes. */
function asciiText(body: Uint8Array): string | undefined {
  try {
    const text = strictText.decode(body)
    return text.length === body.length ? text : undefined
  } catch {
    return undefined
  }
}

/** Where the text lies without the white space around it: some senders end each record with a line break. */
function trimmed(body: Uint8Array, start: number, end: number): { from: number; to: number } {
  let from = start
  let to = end
  while (from < to && isSpace(body[from])) from++
  while (to > from && isSpace(body[to - 1])) to--
  return { from, to }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 9 || byte === 10 || byte === 13
}

function hasLineBreak(body: Uint8Array, from: number, to: number): boolean {
  // Over the record alone: looked for in the rest of the body, each record would pay for all behind it.
  return body.subarray(from, to).includes(newline)
}

function blank(body: Uint8Array, from: number, to: number): boolean {
  // Almost every line begins with its first character.
  for (let i = from; i < to; i++) {
    const byte = body[i]
    if (byte !== 32 && byte !== 9 && byte !== 13) return false
  }
  return true
}

function decoded(body: Uint8Array, from: number, to: number): string {
  try {
    return strictText.decode(body.subarray(from, to))
  } catch {
    throw new MillraceError("MR1001", "The text is not valid UTF-8.")
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MillraceError("MR1001", `The text is not valid JSON: ${(cause as Error).message}`)
  }
}

function recordFault(fault: unknown, stream: string): ErrorData {
  const { message } = errorData(fault)
  if (isMillraceError(fault)) return errorData(fault)
  return { code: "MR1201", message: `stream "${stream}": its schema, key or time function threw: ${message}`, details: {} }
}

function tooLarge(bytes: number): MillraceError {
  return new MillraceError("MR1013", `The record has ${bytes} bytes; at most ${limits.recordBytesMax} are taken.`, {
    bytes,
    most: limits.recordBytesMax,
  })
}

function tooMany(): MillraceError {
  return new MillraceError("MR1007", `A request carries at most ${limits.requestRecordsMax} records; send more requests.`, {
    most: limits.requestRecordsMax,
  })
}

/**
 * A batch: consecutive entries of one stream and partition, decoded, as parallel arrays. Records that came over a front
 * door in this thread are already decoded; all others are decoded from their block here.
 */
import {
  BlockCursor,
  ByteReader,
  type ErrorData,
  MillraceError,
  type StreamCode,
  type StreamPlan,
  type TraceFields,
  entryKind,
  errorData,
  readValue,
  traceOf,
  utf8Text,
} from "@millrace/model"
import { schemaFaults } from "./schema-faults.ts"
import type { Reason } from "./step-watch.ts"

/** An entry that is none: its value is the fault that kept it from being decoded. */
export const undecodable = 3

export interface Batch {
  /** Offset of the first entry. */
  readonly base: number
  readonly count: number
  /** `entryKind` or `undecodable` of each entry; undefined: all are records. */
  readonly kinds: readonly number[] | undefined
  /** Of an undecodable entry: the fault, as ErrorData. */
  readonly values: readonly unknown[]
  readonly keys: readonly string[]
  /** Event time of a record, watermark of a mark, in ms. */
  readonly times: readonly number[]
  /** Upstream partition of each mark; undefined: there are no marks. */
  readonly upstreams: readonly number[] | undefined
  /** Bytes of the block it was decoded from. */
  readonly bytes: number
  /** Undefined: the values cannot be decoded once more. */
  readonly again?: Again
}

/** Decodes values of a block once more, as they were before user code had them in hand and perhaps changed them. */
export class Again {
  readonly #block: Uint8Array
  readonly #skip: number
  readonly #stream: StreamPlan
  readonly #code: StreamCode | undefined
  /** Where the values of the entries begin and end, by turns; filled when first asked. */
  readonly #places: number[] = []
  #headers: readonly string[] | undefined

  constructor(block: Uint8Array, skip: number, stream: StreamPlan, code: StreamCode | undefined) {
    this.#block = block
    this.#skip = skip
    this.#stream = stream
    this.#code = code
  }

  /** The W3C Trace Context in the headers of record `i` of the batch. */
  trace(i: number): TraceFields {
    const headers = (this.#headers ??= headersOf(this.#block))
    const text = headers[this.#skip + i] ?? ""
    if (!text.includes("traceparent")) return noTrace
    const { traceparent, tracestate } = JSON.parse(text) as { readonly traceparent?: unknown; readonly tracestate?: unknown }
    return traceOf(traceparent, tracestate)
  }

  /** The value of record `i` of the batch. */
  value(i: number): unknown {
    const places = this.#places
    if (places.length === 0) {
      const cursor = new BlockCursor(this.#block)
      while (cursor.next()) places.push(cursor.valueStart, cursor.valueEnd)
    }
    const at = 2 * (this.#skip + i)
    return decodeValue(this.#block, places[at] as number, places[at + 1] as number, this.#stream, this.#code)
  }
}

const noTrace: TraceFields = {}

function headersOf(block: Uint8Array): string[] {
  const headers: string[] = []
  const cursor = new BlockCursor(block)
  while (cursor.next()) headers.push(cursor.headers)
  return headers
}

/** Entries that must not be processed: they killed or hung their worker before. By offset, with the reason. */
export type Poison = ReadonlyMap<number, Reason>

/**
 * Decodes a block from entry number `skip` on.
 *
 * @param shown - gets the offset of each record before the stream's schema sees it
 * @param poison - entries that the schema must not see again
 */
export function decodeBlock(
  block: Uint8Array,
  base: number,
  skip: number,
  stream: StreamPlan,
  code: StreamCode | undefined,
  shown?: Float64Array,
  poison?: Poison,
): Batch {
  const kinds: number[] = []
  const values: unknown[] = []
  const keys: string[] = []
  const times: number[] = []
  const upstreams: number[] = []
  let special = false
  const cursor = new BlockCursor(block)
  for (let i = 0; cursor.next(); i++) {
    if (i < skip) continue
    let { kind } = cursor
    let value: unknown
    if (kind === entryKind.record && poison?.has(base + i) === true) value = rawValue(block, cursor, stream)
    else if (kind === entryKind.record) {
      if (shown !== undefined) shown[0] = base + i
      try {
        value = decodeValue(block, cursor.valueStart, cursor.valueEnd, stream, code)
      } catch (fault) {
        kind = undecodable
        value = { ...errorData(fault), raw: rawValue(block, cursor, stream) } satisfies Fault
      }
    }
    if (kind !== entryKind.record) special = true
    kinds.push(kind)
    values.push(value)
    keys.push(cursor.key)
    times.push(cursor.time)
    upstreams.push(cursor.upstream)
  }
  return {
    base: base + skip,
    count: kinds.length,
    kinds: special ? kinds : undefined,
    values,
    keys,
    times,
    upstreams: special ? upstreams : undefined,
    bytes: block.length,
    again: new Again(block, skip, stream, code),
  }
}

/** Why an entry could not be decoded. */
export interface Fault extends ErrorData {
  /** The value as far as it can be told without the schema. */
  readonly raw: unknown
}

function rawValue(block: Uint8Array, { valueStart, valueEnd }: BlockCursor, stream: StreamPlan): unknown {
  try {
    if (stream.format === "coded") return readValue(new ByteReader(block, valueStart, valueEnd))
    return JSON.parse(utf8Text(block, valueStart, valueEnd))
  } catch {
    return utf8Text(block, valueStart, valueEnd)
  }
}

function decodeValue(block: Uint8Array, from: number, to: number, stream: StreamPlan, code: StreamCode | undefined): unknown {
  if (stream.format === "coded") return readValue(new ByteReader(block, from, to))
  let value: unknown
  try {
    value = JSON.parse(utf8Text(block, from, to))
  } catch (cause) {
    throw new MillraceError("MR1001", `stream "${stream.name}": ${(cause as Error).message}`)
  }
  return checked(value, stream.name, code)
}

/**
 * The value as the stream's schema gives it.
 *
 * @throws MR1002 with each fault and its path, MR1212 for an asynchronous schema
 */
export function checked(value: unknown, stream: string, code: StreamCode | undefined): unknown {
  const schema = code?.schema
  if (schema === undefined) return value
  const result = schema["~standard"].validate(value)
  if (result instanceof Promise) {
    result.catch(() => undefined)
    throw new MillraceError("MR1212", `stream "${stream}": its schema is asynchronous; check in mapAsync what has to wait, and here the value alone.`)
  }
  if (result.issues === undefined) return result.value
  const { faults, listed } = schemaFaults(result.issues, value)
  throw new MillraceError("MR1002", `stream "${stream}": ${listed}`, { faults })
}

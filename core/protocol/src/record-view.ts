/**
 * A record as readers outside see it, and its JSON. Values and headers are JSON text already, so a record is written by
 * joining texts: nothing is parsed to be printed again, and numbers keep every digit that their producer wrote.
 */

/** A record on its way out of a node. */
export interface RecordView {
  readonly partition: number
  readonly offset: number
  readonly key: string
  /** Event time in ms. */
  readonly time: number
  /** JSON object text, or empty. */
  readonly headers: string
  /** JSON text. */
  readonly value: string
}

/** A record as a client gets it. */
export interface ReceivedRecord<Value = unknown> {
  readonly partition: number
  /** Its place in the partition, for ever. Offsets grow, not always by one. */
  readonly offset: number
  readonly key: string
  /** Event time, ISO 8601 in UTC. */
  readonly time: string
  readonly headers?: Readonly<Record<string, unknown>>
  readonly value: Value
}

/** The JSON text of a record. */
export function recordJson(record: RecordView): string {
  const headers = record.headers === "" ? "" : `,"headers":${record.headers}`
  const { partition, offset, value } = record
  const key = JSON.stringify(record.key)
  const time = new Date(record.time).toISOString()
  return `{"partition":${partition},"offset":${offset},"key":${key},"time":"${time}"${headers},"value":${value}}`
}

/** A page of a stream's partition. */
export interface RecordPage<Value = unknown> {
  readonly records: readonly ReceivedRecord<Value>[]
  /** Where the next page begins: give it as `from`. */
  readonly next: number
  /** Oldest offset still kept. */
  readonly first: number
  /** One past the newest durable offset. */
  readonly end: number
}

/** The JSON text of a page. */
export function pageJson(page: {
  readonly records: readonly RecordView[]
  readonly next: number
  readonly first: number
  readonly end: number
}): string {
  let records = ""
  for (const record of page.records) records += records === "" ? recordJson(record) : `,\n${recordJson(record)}`
  return `{"records":[${records}],"next":${page.next},"first":${page.first},"end":${page.end}}`
}

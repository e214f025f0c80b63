/**
 * Encoded records side by side in arrays of some size: an array of its own for each costs more than a small record does. So that one
 * record which stays does not keep many others that have gone, a page is small.
 */
import { ByteReader, ByteWriter, limits, readValue, writeValue } from "@millrace/model"
import type { StateCodec } from "../state.ts"

/** Written to until its bytes are asked for. */
export class RecordPage {
  #writer: ByteWriter | undefined
  #bytes: Uint8Array | undefined

  constructor(content: ByteWriter | Uint8Array) {
    if (content instanceof ByteWriter) this.#writer = content
    else this.#bytes = content
  }

  get isOpen(): boolean {
    return this.#bytes === undefined
  }

  get bytes(): Uint8Array {
    this.#bytes ??= (this.#writer as ByteWriter).take()
    this.#writer = undefined
    return this.#bytes
  }
}

/** A record's bytes are [from, to) of its page. */
export interface PagedRecord {
  readonly page: RecordPage
  readonly from: number
  readonly to: number
}

export class RecordPages {
  readonly #writer = new ByteWriter(2 * limits.recordPageBytes)
  #page: RecordPage = new RecordPage(this.#writer)

  /** @throws MR1201 for a value that cannot be kept */
  put(value: unknown): PagedRecord {
    const writer = this.#writer
    if (this.#page.isOpen && writer.length >= limits.recordPageBytes) void this.#page.bytes
    if (!this.#page.isOpen) this.#page = new RecordPage(writer)
    const from = writer.length
    try {
      writeValue(writer, value)
    } catch (thrown) {
      writer.length = from
      throw thrown
    }
    return { page: this.#page, from, to: writer.length }
  }
}

/** A value of its own. */
export function valueOf({ page, from, to }: PagedRecord): unknown {
  return readValue(new ByteReader(page.bytes, from, to))
}

/** Its bytes in an array of its own, for whoever keeps it long. */
export function ownBytes({ page, from, to }: PagedRecord): Uint8Array {
  return page.bytes.slice(from, to)
}

export const pagedRecordCodec: StateCodec<PagedRecord> = {
  write: (to: ByteWriter, record: PagedRecord) => {
    to.u32(record.to - record.from)
    to.bytesOf(record.page.bytes, record.from, record.to)
  },
  read: (from: ByteReader): PagedRecord => {
    const length = from.u32()
    return { page: new RecordPage(from.bytes(length).slice()), from: 0, to: length }
  },
  copy: (record) => record,
}

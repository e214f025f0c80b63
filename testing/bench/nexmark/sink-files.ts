/**
 * Files that transactions have decided, encoded and put as a node's delivery thread does, but on this one. Rows are kept from
 * their transaction on instead of being read back from the log.
 */
import type { SealFile, FilePlace, Row } from "@millrace/engine"
import { fileEncoder, openDirectory, sinkFiles } from "@millrace/files"
import { BlockCursor, ByteReader, entryKind, type Plan, readValue, type SinkPlan } from "@millrace/model"

/** Rows of a sink's partition that are in no file yet. */
interface Pending {
  /** Offset of the first. */
  base: number
  readonly rows: Row[]
}

export class SinkFiles {
  readonly #sinks: readonly SinkPlan[]
  readonly #place: FilePlace
  readonly #pending: Map<string, Pending> = new Map()
  #bytes = 0

  static async open({ sinks }: Plan, directory: string): Promise<SinkFiles> {
    return new SinkFiles(sinks, await openDirectory(directory))
  }

  private constructor(sinks: readonly SinkPlan[], place: FilePlace) {
    this.#sinks = sinks
    this.#place = place
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#bytes
  }

  /** Takes rows that were appended to a sink's stream. */
  take(stream: string, partition: number, block: Uint8Array): void {
    const { rows } = this.#of(stream, partition)
    const cursor = new BlockCursor(block)
    while (cursor.next()) {
      // Every entry has its offset, so every entry has its place.
      const isRow = cursor.kind === entryKind.record
      rows.push(isRow ? (readValue(new ByteReader(block, cursor.valueStart, cursor.valueEnd)) as Row) : {})
    }
  }

  /** Writes a file that was decided. */
  async deliver({ sink: name, partition, number, from, to }: SealFile): Promise<void> {
    const sink = this.#sinks.find((each) => each.name === name)
    if (sink === undefined) throw new Error(`no sink ${name}`)
    const pending = this.#of(sink.stream, partition)
    if (pending.base !== from)
      throw new Error(`${name}/${partition}: file ${number} begins at ${from}, not ${pending.base}`)
    const rows = pending.rows.splice(0, to - from)
    pending.base = to
    for (const file of sinkFiles(sink, partition, number, rows)) {
      const bytes = await fileEncoder.encode(sink.format, file.rows, sink.columns)
      this.#bytes += bytes.length
      await this.#place.put(file.name, bytes)
    }
  }

  #of(stream: string, partition: number): Pending {
    const name = `${partition} ${stream}`
    const pending = this.#pending.get(name) ?? { base: 0, rows: [] }
    this.#pending.set(name, pending)
    return pending
  }
}

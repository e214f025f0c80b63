/**
 * The rows of a run as NDJSON. Rows of a flow are written as they come; those of a table when the run is over, the last
 * of each key, lists of rows row by row.
 */
import fs from "node:fs"
import { BlockCursor, entryKind, utf8Text } from "@millrace/model"

const newline = Uint8Array.of(10)

export class RowFile {
  readonly #file: number
  readonly #holds: "rows" | "table"
  readonly #table: Map<string, string> = new Map()
  #rows = 0

  /** @param holds - `table`: values are `{ row }`, or nothing for a row that is gone */
  constructor(file: string, holds: "rows" | "table") {
    this.#holds = holds
    this.#file = fs.openSync(file, "w")
  }

  /** Takes the records of a stream's block. */
  take(block: Uint8Array): void {
    const cursor = new BlockCursor(block)
    const lines: Uint8Array[] = []
    while (cursor.next()) {
      if (cursor.kind !== entryKind.record) continue
      const { key, valueStart, valueEnd } = cursor
      if (this.#holds === "rows") lines.push(block.subarray(valueStart, valueEnd), newline)
      else this.#table.set(key, utf8Text(block, valueStart, valueEnd))
      this.#rows++
    }
    if (lines.length > 0) fs.writeSync(this.#file, Buffer.concat(lines))
  }

  /** Writes what is left and says how many records there were. */
  close(): number {
    for (const text of this.#table.values()) {
      const { row = [] } = JSON.parse(text) as { readonly row?: object }
      const lines = [row].flat().map((each) => `${JSON.stringify(each)}\n`)
      fs.writeSync(this.#file, lines.join(""))
    }
    fs.closeSync(this.#file)
    return this.#rows
  }
}

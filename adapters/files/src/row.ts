/** Reading the cells of rows: the one place that knows that a row is a plain object and may have any column name. */
import { MillraceError } from "@millrace/model"
import type { Row } from "@millrace/engine"

/** Reads one column of a row; undefined where the row lacks it. */
export type CellReader = (row: Row) => unknown

/**
 * A reader for a column: a property access, guarded only for names such as `constructor` that every object answers to.
 */
export function cellReader(column: string): CellReader {
  if (column in Object.prototype) return (row) => (Object.hasOwn(row, column) ? row[column] : undefined)
  return (row) => row[column]
}

/** The columns of rows, in the order in which they first appear. */
export class ColumnNames {
  readonly names: string[]
  readonly #places = new Map<string, number>()

  constructor(first: readonly string[] = []) {
    this.names = [...first]
    for (const [place, name] of this.names.entries()) this.#places.set(name, place)
  }

  /** The column's place; a name not seen before gets the next one. `guess` is tried first: rows are mostly alike. */
  place(name: string, guess: number): number {
    if (this.names[guess] === name) return guess
    const known = this.#places.get(name)
    if (known !== undefined) return known
    const place = this.names.length
    this.names.push(name)
    this.#places.set(name, place)
    return place
  }
}

/** @throws MR1502 when a row is not a plain object */
export function assertRow(row: unknown, number: number): asserts row is Row {
  if (typeof row === "object" && row !== null && !Array.isArray(row) && !(row instanceof Date)) return
  const what =
    row === null ? "null" : Array.isArray(row) ? "an array" : row instanceof Date ? "a date" : `a ${typeof row}`
  throw new MillraceError(
    "MR1502",
    `Row ${number} of the file is ${what}, not an object with columns; map it to an object before the sink: ` +
      `.map((value) => ({ value })).`,
    { row: number },
  )
}

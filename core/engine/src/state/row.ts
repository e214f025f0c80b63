/** Names of rows: in a scope of rows, the key of a cell is the key of its records and the name of the row. */

/** Comes between a key and the name of its row, which never contains it. */
const mark = "\u0000"

/** The cell's key of a row. `row` must not contain U+0000. */
export function rowKey(key: string, row: string): string {
  return key + mark + row
}

/** What all rows of a key begin with. */
export function rowPrefix(key: string): string {
  return key + mark
}

/** Lies behind all rows of a key, and before those of the next one. */
export function rowsEnd(key: string): string {
  return key + escape
}

export function keyOfRow(cellKey: string): string {
  return cellKey.slice(0, cellKey.lastIndexOf(mark))
}

/** The row's name: what {@link rowKey} was given. */
export function rowOf(cellKey: string): string {
  return cellKey.slice(cellKey.lastIndexOf(mark) + 1)
}

/** The name of a row by another key: as it is, but for the mark, which no name may hold. */
export function rowByKey(key: string): string {
  return key.includes(mark) || key.includes(escape) ? key.replaceAll(escape, escape + escape).replaceAll(mark, escapedMark) : key
}

const escape = "\u0001"
const escapedMark = "\u00010"

/** The name of a numbered row: rows are in the order of their numbers, whole and from 0. */
export function rowNumber(number: number): string {
  return number.toString(36).padStart(11, "0")
}

/** The name of a row by a time in ms: rows are in the order of their times, those before 1970 included. */
export function rowTime(ms: number): string {
  return ms < 0 ? `-${rowNumber(ms + timeMsMax)}` : rowNumber(ms)
}

/** The time of a row that {@link rowTime} has named. */
export function timeOfRow(row: string): number {
  return row.startsWith("-") ? Number.parseInt(row.slice(1), 36) - timeMsMax : Number.parseInt(row, 36)
}

/** The latest time there is, in ms: that of Date. */
const timeMsMax = 8.64e15

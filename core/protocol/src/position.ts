/**
 * A position in all partitions of a stream as text: the next offset of partition 0, 1, 2 … in decimal, joined by dots,
 * such as `12.40.0.7`. It is the `id` of each event of `live`, so a reader that comes back with it as `Last-Event-ID`
 * misses nothing and gets nothing twice. It is safe in a header and in a query.
 */

/** The text of a position. */
export function positionText(offsets: readonly number[]): string {
  return offsets.join(".")
}

/** The offsets by partition in a position's text; undefined when it is none. */
export function parsePosition(text: string): readonly number[] | undefined {
  if (!/^\d{1,16}(\.\d{1,16})*$/.test(text)) return undefined
  const offsets = text.split(".").map(Number)
  return offsets.every(Number.isSafeInteger) ? offsets : undefined
}

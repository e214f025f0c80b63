/**
 * Server-sent events as text (WHATWG HTML, section 9.2): what a node writes to a reader of `live`.
 *
 * Names of events on `live`: none (a record), `end` (the stream has ended: do not come back), `problem` (problem
 * details: the reading stopped).
 */

/** One event. `data` may hold line breaks; a carriage return in it arrives as a line feed, which JSON does not mind. */
export function eventText(id: string, data: string, name = ""): string {
  const event = name === "" ? "" : `event: ${name}\n`
  return `${event}id: ${id}\ndata: ${lines(data)}\n\n`
}

/** Tells a reader its position without an event: what it comes back with, should nothing follow. */
export function positionEvent(id: string): string {
  return `id: ${id}\n\n`
}

/** What a reader gets first: how long to wait before it comes back, and its position. */
export function openingText(retryMs: number, id: string): string {
  return `retry: ${retryMs}\n${positionEvent(id)}`
}

/** A comment: shows both sides, and what lies between, that the connection lives. */
export const heartbeatText = ":\n\n"

function lines(data: string): string {
  // Nearly all data is one line, and most of it was checked to be: look before splitting.
  if (!data.includes("\n") && !data.includes("\r")) return data
  return data.split(/\r\n|\r|\n/).join("\ndata: ")
}

/** Follows a table by its `live`; `begin` says when changes in between may be missing. */
import type { ServerSentEvent } from "./event-stream.ts"
import { eventsOf, type Following } from "./events-of.ts"
import { tableBegun, type TableEvent, type TableLiveOptions } from "./table-messages.ts"

/** @throws what the node's problem details say; MR1602 when it was never reached, in all attempts */
export function followTable<Row>(following: Following, { from, prefix, signal }: TableLiveOptions): AsyncGenerator<TableEvent<Row>, void, undefined> {
  const query = [...(from === undefined ? [] : [`from=${from}`]), ...(prefix === undefined ? [] : [`prefix=${encodeURIComponent(prefix)}`])]
  const url = query.length === 0 ? following.url : `${following.url}?${query.join("&")}`
  let begins = ""
  return eventsOf<TableEvent<Row>>({ ...following, url }, signal, {
    read(event) {
      if (event.name === "begin") begins = (JSON.parse(event.data) as { readonly position: string }).position
      return told<Row>(event, begins)
    },
  })
}

function told<Row>({ name, data, id }: ServerSentEvent, begins: string): TableEvent<Row> | undefined {
  // Before all rows were told there is no position to come back to.
  const position = id === tableBegun ? begins : id
  if (name === "begin" || name === "ready") return { kind: name, position }
  if (name !== "message") return undefined
  return { kind: "row", position, ...(JSON.parse(data) as { readonly key: string; readonly value?: Row }) }
}

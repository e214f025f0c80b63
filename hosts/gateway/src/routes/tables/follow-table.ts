/** GET /v1/tables/{table}/live: rows as they change, as server-sent events. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response"
import { MillraceError } from "@millrace/model"
import { assertReady, type Handler } from "../../gate.ts"
import { liveHeadersOf } from "../../live-reader.ts"
import { queryOf } from "../../query.ts"
import { TableReader } from "../../table-reader.ts"

export const followTable: Handler = async (context, gate) => {
  const { node, readers, clock } = gate
  assertReady(node)
  const { incoming, outgoing } = context.env
  const { prefix = "", from = "latest" } = queryOf(incoming.url ?? "", ["prefix", "from"])
  if (from !== "earliest" && from !== "latest") {
    throw new MillraceError("MR1009", `from: ${JSON.stringify(from.slice(0, 200))} is neither "earliest" nor "latest".`, { parameter: "from" })
  }
  const table = context.req.param("table") ?? ""
  if (incoming.method === "HEAD") {
    await node.tables.page(table, { prefix, limit: 1 })
    return new Response(null, { headers: liveHeadersOf(outgoing) })
  }
  context.env.noted.isLive = true
  const last = incoming.headers["last-event-id"]
  const seat = readers.take()
  const reader = new TableReader({ tables: node.tables, table, prefix, from, last: typeof last === "string" ? last : "", outgoing }, clock, gate.log)
  try {
    await reader.open()
  } catch (error) {
    readers.leave(seat)
    throw error
  }
  void reader.run().then(() => readers.leave(seat))
  readers.hold(seat, reader)
  return RESPONSE_ALREADY_SENT
}

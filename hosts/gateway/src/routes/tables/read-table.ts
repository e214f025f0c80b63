/** GET /v1/tables, GET /v1/tables/{table}, GET /v1/tables/{table}/{key}: tables as they are now. */
import { limits, MillraceError } from "@millrace/model"
import type { TableList } from "@millrace/protocol"
import { json } from "../../answer.ts"
import { assertReady, type Handler, largeJson } from "../../gate.ts"
import { queryOf, wholeNumber } from "../../query.ts"
import type { NodeRows } from "../../tables.ts"

export const listTables: Handler = (_, { node }) => {
  assertReady(node)
  const tables = node.tables.all.map(({ name, service, stream, partitions }) => ({ name, service, stream, partitions }))
  return json(JSON.stringify({ tables } satisfies TableList))
}

export const readTable: Handler = async (context, gate) => {
  const { node } = gate
  assertReady(node)
  const query = queryOf(context.env.incoming.url ?? "", ["prefix", "limit", "cursor"])
  const limit = wholeNumber("limit", query.limit, 100, 1, limits.pageRowsMax)
  const { prefix = "", cursor } = query
  const view = await node.tables.page(context.req.param("table") ?? "", { prefix, limit, ...(cursor === undefined ? {} : { after: cursor }) })
  const rows = view.rows.map(({ key, value }) => `{"key":${JSON.stringify(key)},"value":${value ?? "null"}}`)
  const last = view.more ? view.rows.at(-1) : undefined
  const next = last === undefined ? "" : `,"next":${JSON.stringify(last.key)}`
  return largeJson(`{"table":${JSON.stringify(view.table)},${reflected(view)},"rows":[${rows.join(",\n")}]${next}}`, context, gate)
}

export const readRow: Handler = async (context, { node }) => {
  assertReady(node)
  queryOf(context.env.incoming.url ?? "", [])
  const key = context.req.param("key") ?? ""
  const view = await node.tables.row(context.req.param("table") ?? "", key)
  const value = view.rows[0]?.value
  if (value === undefined) {
    const { table, stream } = view
    const position = view.position.join(".")
    throw new MillraceError("MR1026", `Table "${table}" has no row of the key ${JSON.stringify(key.slice(0, 200))}, as of ${position} in ${stream}.`, {
      table,
      stream,
      position,
    })
  }
  return json(`{"table":${JSON.stringify(view.table)},"key":${JSON.stringify(key)},"value":${value},${reflected(view)}}`)
}

function reflected({ stream, position }: NodeRows): string {
  return `"stream":${JSON.stringify(stream)},"position":"${position.join(".")}"`
}

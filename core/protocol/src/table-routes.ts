/** The routes about tables. */
import { limits } from "@millrace/model"
import type { Content, OperationId, Parameter, Route } from "./route.ts"
import { ref } from "./schemas.ts"

const table: Parameter = {
  name: "table",
  in: "path",
  description: "Name of the table: that of the operator that keeps it; `service%2Fname` where two services have one of that name.",
  schema: { type: "string", minLength: 1 },
}
const prefix: Parameter = { name: "prefix", in: "query", description: "Only keys that begin with this.", schema: { type: "string" } }

const json = (schema: Content[string]["schema"]): Content => ({ "application/json": { schema } })

type TableOperation = Extract<OperationId, "listTables" | "readTable" | "readRow" | "followTable">

export const tableRoutes: { readonly [Id in TableOperation]: Route & { readonly id: Id } } = {
  listTables: {
    id: "listTables",
    method: "GET",
    path: "/v1/tables",
    summary: "List the tables",
    parameters: [],
    answer: { status: 200, description: "The tables of all services.", content: json(ref("TableList")) },
    errors: ["MR1401"],
  },
  readTable: {
    id: "readTable",
    method: "GET",
    path: "/v1/tables/{table}",
    summary: "Read a page of a table",
    description: "Rows in the order of their keys as UTF-8 bytes. Each page is as of one commit; between two pages the table may change.",
    parameters: [
      table,
      prefix,
      {
        name: "limit",
        in: "query",
        description: "Most rows of the page. Default: 100.",
        schema: { type: "integer", minimum: 1, maximum: limits.pageRowsMax },
      },
      { name: "cursor", in: "query", description: "`next` of the page before.", schema: { type: "string" } },
    ],
    answer: { status: 200, description: "The page; it may hold fewer rows than asked for.", content: json(ref("TablePage")) },
    errors: ["MR1009", "MR1025", "MR1201", "MR1202", "MR1203", "MR1204", "MR1302", "MR1401"],
  },
  followTable: {
    id: "followTable",
    method: "GET",
    path: "/v1/tables/{table}/live",
    summary: "Follow a table as server-sent events",
    description:
      "Each event without a name is the newest row of a key, its data `{key, value}`, without `value` when the row has gone; its id is the position " +
      "that it reflects. `begin`: what was told before may miss changes, and with `from=earliest` all rows follow, then `ready`. " +
      "`problem`: the reading stopped. A row that changes often is told when the reader has taken what came before.",
    parameters: [
      table,
      prefix,
      {
        name: "from",
        in: "query",
        description: "`earliest`: first the rows that are there. `latest`: only what changes. Default: `latest`.",
        schema: { enum: ["earliest", "latest"] },
      },
      { name: "Last-Event-ID", in: "header", description: "The id of the last event seen.", schema: { type: "string" } },
    ],
    answer: { status: 200, description: "The events.", content: { "text/event-stream": { schema: { type: "string" } } } },
    errors: ["MR1009", "MR1021", "MR1025", "MR1204", "MR1302", "MR1401"],
  },
  readRow: {
    id: "readRow",
    method: "GET",
    path: "/v1/tables/{table}/{key}",
    summary: "Read the row of a key",
    description: "The row of a key that is called `live` is read with `?prefix=live&limit=1`.",
    parameters: [table, { name: "key", in: "path", description: "The key, percent-encoded.", schema: { type: "string", minLength: 1 } }],
    answer: { status: 200, description: "The row now, with the position that it reflects.", content: json(ref("TableRow")) },
    errors: ["MR1025", "MR1026", "MR1201", "MR1202", "MR1203", "MR1204", "MR1302", "MR1401"],
  },
}

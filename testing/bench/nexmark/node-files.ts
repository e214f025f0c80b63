/** The rows that a query on a node has written to files (node-service.ts), as the oracle reads them. */
import fs from "node:fs"
import path from "node:path"
import { literal } from "@millrace/verify"
import type { Found } from "./oracle/oracle.ts"
import { isTable, queries } from "./queries/index.ts"
import { nexmark } from "./streams.ts"

/**
 * Windows by the clock of the node cannot be known beforehand, but what they add up to: compared with this in place of the query, which
 * bids went into which window does not matter, but each must have gone into one.
 */
export function judgedAs(query: string): string {
  return query === "q12" ? "q12.total" : query
}

/** @param out - the node's output directory */
export function foundIn(query: string, out: string): Found {
  if (query === "q10") return `read_csv('${out}/q10/**/*.csv', hive_partitioning = true)`
  const names = fs.globSync("result/**/*.ndjson", { cwd: out }).toSorted()
  const [first] = names
  if (first === undefined) throw new Error(`${query}: no file was written under ${out}`)
  const files = path.join(out, "result/**/*.ndjson")
  if (query === "q12") {
    const rows = `read_json(${literal(files)}, format = 'newline_delimited', columns = {bidder: 'BIGINT', bid_count: 'BIGINT'})`
    return `(SELECT bidder, sum(bid_count)::BIGINT AS bid_count FROM ${rows} GROUP BY bidder)`
  }
  const answer = queries[query]?.(nexmark())
  if (answer === undefined || !isTable(answer)) return files
  const isList = fs.readFileSync(path.join(out, first), "utf8").includes('"row":[')
  return (columns) => tableIn(files, isList, columns)
}

/** Of a table, the last row of each key, in the order of the files' names and of the rows in them; lists of rows row by row. */
function tableIn(files: string, isList: boolean, columns: ReadonlyMap<string, string>): string {
  const row = `STRUCT(${[...columns].map(([name, type]) => `"${name}" ${type}`).join(", ")})${isList ? "[]" : ""}`
  const changes = `read_json(${literal(files)}, format = 'newline_delimited', columns = {key: 'VARCHAR', row: ${literal(row)}})`
  const last = `SELECT arg_max({row: row}, number).row AS row FROM (SELECT row_number() OVER () AS number, * FROM ${changes}) GROUP BY key`
  const rows = isList ? `SELECT unnest(row) AS row FROM (${last})` : last
  return `(SELECT unnest(row) FROM (${rows}) WHERE row IS NOT NULL)`
}

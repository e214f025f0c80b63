// DuckDB as the independent reader of the files that tests write.
import { DuckDBInstance, type JS } from "@duckdb/node-api"

const connection = DuckDBInstance.create(":memory:").then((instance) => instance.connect())

/** Rows of a query as JavaScript values: bigint for 64-bit integers, Date for instants, text for JSON. */
export async function query(sql: string): Promise<Array<Record<string, JS>>> {
  return (await (await connection).runAndReadAll(sql)).getRowObjectsJS()
}

/**
 * The same, as columns' names and rows of values in their order: for names that objects have a mind of their own about.
 */
export async function queryTable(sql: string): Promise<{ names: string[]; rows: JS[][] }> {
  const result = await (await connection).runAndReadAll(sql)
  return { names: result.columnNames(), rows: result.getRowsJS() }
}

/** Name and type of each column of what a query gives. */
export async function describe(sql: string): Promise<Array<readonly [name: string, type: string]>> {
  return (await query(`describe ${sql}`)).map(
    ({ column_name: name, column_type: type }) => [name as string, type as string] as const,
  )
}

/** Text as the client hands it out: it takes a byte order mark at the beginning for none of the text's own. */
export function asHandedOut(text: string): string {
  return text.toWellFormed().replace(/^\ufeff/, "")
}

/** A value as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

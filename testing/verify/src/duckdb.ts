/**
 * DuckDB as a second opinion: a private database, in memory unless a file is named, that runs SQL and hands rows back as
 * plain objects. Numbers that a caller wants as JavaScript numbers are cast to DOUBLE in the SQL; whole numbers up to
 * 2^53 stay exact.
 */
import { DuckDBInstance } from "@duckdb/node-api"
import type { DuckDBConnection } from "@duckdb/node-api"

export class DuckDb {
  readonly #instance: DuckDBInstance
  readonly #connection: DuckDBConnection

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance
    this.#connection = connection
  }

  static async open(file = ":memory:"): Promise<DuckDb> {
    const instance = await DuckDBInstance.create(file)
    const database = new DuckDb(instance, await instance.connect())
    await database.run("SET TimeZone = 'UTC'")
    return database
  }

  /** Runs statements and forgets their result. */
  async run(sql: string): Promise<void> {
    await this.#connection.run(sql)
  }

  /** The rows of a query; the caller says what they look like. */
  async rows<Row>(sql: string): Promise<Row[]> {
    const reader = await this.#connection.runAndReadAll(sql)
    return reader.getRowObjectsJS() as Row[]
  }

  /** The only row of a query. */
  async row<Row>(sql: string): Promise<Row> {
    const [row] = await this.rows<Row>(sql)
    if (row === undefined) throw new Error(`no row: ${sql}`)
    return row
  }

  close(): void {
    this.#connection.closeSync()
    this.#instance.closeSync()
  }
}

/** A text as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

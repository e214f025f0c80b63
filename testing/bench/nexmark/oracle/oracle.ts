/**
 * What the queries must give, worked out in SQL by DuckDB from the same events. It shares no code and no idea of
 * execution with Millrace: no batches, no partitions, no state, only relations. The queries are the .sql files beside
 * this one, one per query; where the workload leaves something open (which of two bids at one price and time wins), the
 * first file says what is certain, and `NAME.legal.sql` which rows are allowed.
 *
 * O1  Rows are compared as multisets; of tables that change, the last row of each key.
 * O2  A row is late when the highest event time that had arrived, its own included, less the bound is at or past the
 *     end of its window: exact for one source partition. Without a bound nothing is late.
 */
import fs from "node:fs"
import path from "node:path"
import { DuckDb, literal } from "@millrace/verify"

export interface OracleOptions {
  /** O2. By how much events may come out of order, in ms. @default nothing is late */
  readonly outOfOrderMs?: number
  /** An NDJSON file of `{from, clock}`: the clock, in ms, from the input's bid number `from` on, counted from 1. */
  readonly clocks?: string
  /** Where the database is kept while it is open. @default memory */
  readonly file?: string
}

/** How a result differs from what the oracle expects; all zero: not at all. */
export interface Difference {
  readonly query: string
  /** Rows of the result, and of the oracle. */
  readonly found: number
  readonly expected: number
  /** Rows that the result lacks, has too many, or may not have. */
  readonly missing: number
  readonly surplus: number
  readonly illegal: number
  /** Some of them, for people. */
  readonly samples: readonly string[]
}

/** Where the rows of a run are. */
export type Found = string | ((columns: ReadonlyMap<string, string>) => string)

const samplesMost = 5

export class NexmarkOracle {
  readonly #database: DuckDb

  private constructor(database: DuckDb) {
    this.#database = database
  }

  /** @param events - an NDJSON file of events in the order of their arrival */
  static async open(events: string, options: OracleOptions = {}): Promise<NexmarkOracle> {
    const database = await DuckDb.open(options.file)
    try {
      await load(database, events, options)
      return new NexmarkOracle(database)
    } catch (error) {
      database.close()
      throw error
    }
  }

  /** What is certain about a query's rows. */
  rows(query: string): Promise<Record<string, unknown>[]> {
    return this.#database.rows(sqlOf(query))
  }

  /** What is allowed of them; undefined: no more need be said. */
  async legalRows(query: string): Promise<Record<string, unknown>[] | undefined> {
    return fs.existsSync(fileOf(`${query}.legal`)) ? this.#database.rows(sqlOf(`${query}.legal`)) : undefined
  }

  /**
   * @param found - an NDJSON file of the rows that a run gave (or several, `dir/**.ndjson`), an expression that reads them
   *   (`read_csv(…)`), or what makes one of the types of the columns
   */
  async compare(query: string, found: Found): Promise<Difference> {
    const database = this.#database
    await database.run(`CREATE OR REPLACE TEMP TABLE expected AS ${sqlOf(query)}`)
    const columns = await columnsOf(database, "expected")
    const names = [...columns.keys()].join(", ")
    const legal = fs.existsSync(fileOf(`${query}.legal`)) ? sqlOf(`${query}.legal`) : undefined
    const legalColumns = legal === undefined ? new Map<string, string>() : await columnsOf(database, `(${legal})`)
    const all = new Map([...columns, ...legalColumns])
    await database.run(`CREATE OR REPLACE TEMP TABLE found AS SELECT * FROM ${reading(found, all)}`)
    const counts = await database.row<{ found: number; expected: number }>(
      "SELECT (SELECT count(*) FROM found)::DOUBLE AS found, (SELECT count(*) FROM expected)::DOUBLE AS expected",
    )
    const certain = `SELECT ${names} FROM found`
    const wanted = `SELECT ${names} FROM expected`
    const samples: string[] = []
    const rowsOf = async (what: string, sql: string): Promise<number> => {
      await database.run(`CREATE OR REPLACE TEMP TABLE different AS ${sql}`)
      for (const row of await database.rows<Record<string, unknown>>(`FROM different LIMIT ${samplesMost}`))
        samples.push(`${what}: ${text(row)}`)
      return (await database.row<{ rows: number }>("SELECT count(*)::DOUBLE AS rows FROM different")).rows
    }
    const missing = await rowsOf("missing", `${wanted} EXCEPT ALL ${certain}`)
    const surplus = await rowsOf("surplus", `${certain} EXCEPT ALL ${wanted}`)
    const allowed = [...legalColumns.keys()].join(", ")
    const illegal =
      legal === undefined ? 0 : await rowsOf("illegal", `SELECT ${allowed} FROM found EXCEPT ALL (${legal})`)
    for (const table of ["expected", "found", "different"]) await database.run(`DROP TABLE ${table}`)
    return { query, ...counts, missing, surplus, illegal, samples }
  }

  close(): void {
    this.#database.close()
  }
}

export function agrees({ missing, surplus, illegal }: Difference): boolean {
  return missing === 0 && surplus === 0 && illegal === 0
}

export function differenceText(difference: Difference): string {
  const { query, found, expected, missing, surplus, illegal, samples } = difference
  if (agrees(difference)) return `${query}: ${found} rows, as the oracle has them`
  const kinds = `${missing} missing, ${surplus} surplus, ${illegal} illegal`
  return [`${query}: ${found} rows, the oracle has ${expected}; ${kinds}`, ...samples].join("\n  ")
}

function fileOf(name: string): string {
  return path.join(import.meta.dirname, `${name}.sql`)
}

function sqlOf(name: string): string {
  return fs.readFileSync(fileOf(name), "utf8")
}

const columns = `{
  event_type: 'INTEGER',
  person: 'STRUCT(id BIGINT, name VARCHAR, emailAddress VARCHAR, creditCard VARCHAR, city VARCHAR, state VARCHAR,
    dateTime BIGINT, extra VARCHAR)',
  auction: 'STRUCT(id BIGINT, itemName VARCHAR, description VARCHAR, initialBid BIGINT, reserve BIGINT, dateTime BIGINT,
    expires BIGINT, seller BIGINT, category BIGINT, extra VARCHAR)',
  bid: 'STRUCT(auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, dateTime BIGINT,
    extra VARCHAR)'
}`

/**
 * Tables `person`, `auction` and `bid`, each with `seq`, the place of arrival, and the `watermark` as it arrived; `bid`
 * also with the `clock` if it is given.
 */
async function load(database: DuckDb, events: string, { outOfOrderMs, clocks }: OracleOptions): Promise<void> {
  await database.run("CREATE MACRO day_of(ms) AS strftime(make_timestamp_ms(ms), '%Y-%m-%d')")
  await database.run("CREATE MACRO minute_of(ms) AS strftime(make_timestamp_ms(ms), '%H:%M')")
  await database.run(`CREATE TABLE arrived AS SELECT row_number() OVER () AS seq, * FROM ${lines(events, columns)}`)
  const time = "coalesce(bid.dateTime, auction.dateTime, person.dateTime)"
  const watermark =
    outOfOrderMs === undefined
      ? "-9223372036854775807"
      : `max(${time}) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) - ${outOfOrderMs}`
  for (const [type, table] of ["person", "auction", "bid"].entries()) {
    await database.run(`
      CREATE TABLE ${table} AS SELECT unnest(${table}), seq, watermark
      FROM (SELECT *, ${watermark} AS watermark FROM arrived) WHERE event_type = ${type}`)
  }
  await database.run("DROP TABLE arrived")
  if (clocks === undefined) return
  await database.run(`
    CREATE OR REPLACE TABLE bid AS SELECT b.*, c.clock
    FROM (SELECT *, row_number() OVER (ORDER BY seq) AS number FROM bid) b
    ASOF JOIN ${lines(clocks, `{"from": 'BIGINT', clock: 'BIGINT'}`)} c ON b.number >= c."from"`)
}

function lines(file: string, types: string): string {
  return `read_json(${literal(file)}, format = 'newline_delimited', columns = ${types})`
}

async function columnsOf(database: DuckDb, relation: string): Promise<Map<string, string>> {
  const rows = await database.rows<{ column_name: string; column_type: string }>(`DESCRIBE SELECT * FROM ${relation}`)
  return new Map(rows.map(({ column_name: name, column_type: type }) => [name, type]))
}

function reading(found: Found, columns: ReadonlyMap<string, string>): string {
  if (typeof found === "function") return found(columns)
  if (!found.endsWith(".ndjson")) return found
  const types = [...columns].map(([name, type]) => `${name}: '${type}'`).join(", ")
  return lines(found, `{${types}}`)
}

function text(row: Record<string, unknown>): string {
  return JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value))
}

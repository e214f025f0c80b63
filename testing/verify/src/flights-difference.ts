/**
 * Compares the files that a node wrote with what the oracle expects, row by row and both ways, in DuckDB. Counts, worst
 * delays, times and late flights must be the same; a mean must lie within 1e-9 of sum / count, relatively.
 */
import { literal } from "./duckdb.ts"
import type { DuckDb } from "./duckdb.ts"
import type { FlightsOracle } from "./flights-oracle.ts"

/** Which files to read; globs as DuckDB knows them. */
export interface FlightsFiles {
  /** Parquet files of the window's results. */
  readonly hours: string
  /** NDJSON files of the late flights. */
  readonly late: string
}

export interface Difference {
  /** What was compared, e.g. `hourly delays`. */
  readonly what: string
  /** Rows that the oracle expects, and rows that the files hold. */
  readonly expected: number
  readonly found: number
  /** Expected rows that the files lack, and rows of the files that nobody expects; the first few of each. */
  readonly missing: number
  readonly unexpected: number
  readonly examples: readonly string[]
}

const examplesMost = 10

/** The output directory of the flights example as globs. */
export function flightsFilesIn(out: string): FlightsFiles {
  return { hours: `${out}/hourly-delays/**/*.parquet`, late: `${out}/late-flights/**/*.ndjson` }
}

/** Differences of the hourly delays and of the late flights; when all is well, nothing is missing or unexpected. */
export async function flightsDifferences(
  oracle: FlightsOracle,
  files: FlightsFiles,
): Promise<readonly [Difference, Difference]> {
  const { database } = oracle
  await readHours(database, files.hours)
  await readLate(database, files.late)
  const hours = await difference(database, "hourly delays", "expected_as_found", "found_hours_rounded")
  const late = await difference(database, "late flights", "expected_late", "found_late")
  return [hours, late]
}

/** Whether the files agree with the oracle in every row. */
export function agrees(differences: readonly Difference[]): boolean {
  return differences.every(({ missing, unexpected }) => missing === 0 && unexpected === 0)
}

/** A difference in words. */
export function differenceText({ what, expected, found, missing, unexpected, examples }: Difference): string {
  if (missing === 0 && unexpected === 0) return `${what}: all ${expected} rows agree`
  return [
    `${what}: ${expected} rows expected, ${found} found; ${missing} missing, ${unexpected} unexpected`,
    ...examples.map((example) => `  ${example}`),
  ].join("\n")
}

async function readHours(database: DuckDb, glob: string): Promise<void> {
  if (await matches(database, glob)) {
    const source = `read_parquet(${literal(glob)}, hive_partitioning = false, union_by_name = true)`
    const columns = await database.rows<{ column_name: string; column_type: string }>(
      `DESCRIBE SELECT * FROM ${source}`,
    )
    for (const name of ["start", "end"]) {
      const type = columns.find((column) => column.column_name === name)?.column_type
      if (type === undefined || !type.startsWith("TIMESTAMP"))
        throw new Error(`column ${name} of ${glob} is ${type ?? "missing"}, not a timestamp`)
    }
    await database.run(`
      CREATE OR REPLACE TEMP TABLE found_hours AS
        SELECT origin, epoch_ms(start) AS start_ms, epoch_ms("end") AS end_ms, flights::DOUBLE AS flights,
               "meanDelay"::DOUBLE AS mean, "worstDelay"::DOUBLE AS worst
        FROM ${source}`)
  } else {
    await database.run(`
      CREATE OR REPLACE TEMP TABLE found_hours AS
        SELECT origin, start_ms, end_ms, flights, 0::DOUBLE AS mean, worst FROM expected_hours WHERE false`)
  }
  // A found mean within the tolerance of the expected one of the same origin and hour counts as that mean itself.
  await database.run(`
    CREATE OR REPLACE TEMP TABLE expected_as_found AS
      SELECT origin, start_ms, end_ms, flights, delay_sum / flights AS mean, worst FROM expected_hours`)
  await database.run(`
    CREATE OR REPLACE TEMP TABLE found_hours_rounded AS
      SELECT f.origin, f.start_ms, f.end_ms, f.flights,
             CASE WHEN abs(f.mean - e.mean) <= 1e-9 * abs(e.mean) THEN e.mean ELSE f.mean END AS mean, f.worst
      FROM found_hours f LEFT JOIN expected_as_found e ON e.origin = f.origin AND e.start_ms = f.start_ms`)
}

async function readLate(database: DuckDb, glob: string): Promise<void> {
  // Unchanged means: the same members and no others, so a line is taken apart by hand rather than by a schema.
  const source = (await matches(database, glob))
    ? `SELECT json FROM read_ndjson_objects(${literal(glob)})
       WHERE NOT (error_if_not_flight(json))`
    : "SELECT NULL::JSON AS json WHERE false"
  await database.run(`
    CREATE OR REPLACE TEMP MACRO error_if_not_flight(j) AS
      CASE WHEN list_sort(json_keys(j)) = ['date', 'delay', 'destination', 'distance', 'origin'] THEN false
           ELSE error('not a flight as it was sent: ' || j::VARCHAR) END`)
  await database.run(`
    CREATE OR REPLACE TEMP TABLE found_late AS
      SELECT json ->> 'date' AS date, (json -> 'delay')::DOUBLE AS delay, (json -> 'distance')::DOUBLE AS distance,
             json ->> 'origin' AS origin, json ->> 'destination' AS destination
      FROM (${source})`)
}

async function matches(database: DuckDb, glob: string): Promise<boolean> {
  const { files } = await database.row<{ files: number }>(
    `SELECT count(*)::DOUBLE AS files FROM glob(${literal(glob)})`,
  )
  return files > 0
}

async function difference(database: DuckDb, what: string, expected: string, found: string): Promise<Difference> {
  // EXCEPT ALL counts copies: a row written twice is unexpected once.
  await database.run(
    `CREATE OR REPLACE TEMP TABLE missing AS SELECT * FROM ${expected} EXCEPT ALL SELECT * FROM ${found}`,
  )
  await database.run(
    `CREATE OR REPLACE TEMP TABLE unexpected AS SELECT * FROM ${found} EXCEPT ALL SELECT * FROM ${expected}`,
  )
  const counts = await database.row<Omit<Difference, "what" | "examples">>(`
    SELECT (SELECT count(*) FROM ${expected})::DOUBLE AS expected, (SELECT count(*) FROM ${found})::DOUBLE AS found,
           (SELECT count(*) FROM missing)::DOUBLE AS missing, (SELECT count(*) FROM unexpected)::DOUBLE AS unexpected`)
  const examples = await database.rows<{ example: string }>(`
    (SELECT 'missing: ' || to_json(m)::VARCHAR AS example FROM missing m ORDER BY ALL LIMIT ${examplesMost})
    UNION ALL
    (SELECT 'unexpected: ' || to_json(u)::VARCHAR AS example FROM unexpected u ORDER BY ALL LIMIT ${examplesMost})`)
  return { what, ...counts, examples: examples.map(({ example }) => example) }
}

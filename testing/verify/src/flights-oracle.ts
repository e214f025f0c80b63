/**
 * What the flights example must produce, worked out in SQL by DuckDB from the Parquet file alone. It shares no code and
 * no idea of execution with Millrace: no batches, no state, no windows that open and close, only relations.
 *
 * The rules, as `examples/flights` states them:
 * - replay order: by date + delay, ties by row number in the file;
 * - partition: the 128-bit MD5 of `origin`, one of 8 equal ranges;
 * - watermark as a row arrives: the highest date so far in its partition, the row's own included, minus 2 hours;
 * - late: the end of the row's hour is at or before that watermark;
 * - result: per origin and hour, over the rows that were not late.
 *
 * No date, delay or origin of the file is null or NaN (`open` checks it), so nothing has to be said about them.
 */
import { DuckDb, literal } from "./duckdb.ts"

/** Hours with fewer flights than this do not compete for the worst: one stranded plane is not a bad hour. */
const worstHoursFlightsMin = 10

export interface FlightsCounts {
  readonly flights: number
  readonly onTime: number
  readonly late: number
  /** Rows of the result: origins times hours that have a flight on time. */
  readonly hours: number
}

export interface HourlyDelays {
  readonly origin: string
  readonly start: Date
  readonly end: Date
  readonly flights: number
  readonly meanDelay: number
  readonly worstDelay: number
}

export interface FlightsOracleOptions {
  /** Only the first so many rows of the replay order. @default all */
  readonly limit?: number
}

export class FlightsOracle {
  /** Tables `ordered`, `expected_hours`, `expected_late`. */
  readonly database: DuckDb
  readonly counts: FlightsCounts

  private constructor(database: DuckDb, counts: FlightsCounts) {
    this.database = database
    this.counts = counts
  }

  static async open(parquet: string, options: FlightsOracleOptions = {}): Promise<FlightsOracle> {
    const database = await DuckDb.open()
    try {
      const counts = await expect(database, parquet, options.limit)
      return new FlightsOracle(database, counts)
    } catch (error) {
      database.close()
      throw error
    }
  }

  /** The hours with the highest mean delay among those with at least {@link worstHoursFlightsMin} flights. */
  worstHours(most: number): Promise<HourlyDelays[]> {
    return this.database.rows<HourlyDelays>(`
      SELECT origin, make_timestamp_ms(start_ms) AS start, make_timestamp_ms(end_ms) AS "end", flights,
             delay_sum / flights AS "meanDelay", worst AS "worstDelay"
      FROM expected_hours WHERE flights >= ${worstHoursFlightsMin}
      ORDER BY "meanDelay" DESC, origin, start LIMIT ${most}`)
  }

  /** Writes the flights of this oracle as a Parquet file like the source, in the source's order. */
  async writeSlice(file: string): Promise<void> {
    await this.database.run(`
      COPY (SELECT date, delay, distance, origin, destination FROM ordered ORDER BY row_number)
      TO ${literal(file)} (FORMAT parquet, COMPRESSION zstd)`)
  }

  close(): void {
    this.database.close()
  }
}

async function expect(database: DuckDb, parquet: string, limit: number | undefined): Promise<FlightsCounts> {
  const source = `read_parquet(${literal(parquet)}, file_row_number = true)`
  const { empty } = await database.row<{ empty: number }>(`
    SELECT count(*)::DOUBLE AS empty FROM ${source}
    WHERE date IS NULL OR delay IS NULL OR origin IS NULL OR isnan(delay::DOUBLE)`)
  if (empty !== 0)
    throw new Error(`${parquet} has ${empty} rows without date, delay or origin; say what they mean first`)

  // DuckDB's md5_number is little-endian, so the hash is put together from the digits that md5 gives.
  await database.run(`
    CREATE MACRO hash128(t) AS
      ('0x' || substr(md5(t), 1, 16))::UBIGINT::UHUGEINT * 18446744073709551616::UHUGEINT
      + ('0x' || substr(md5(t), 17, 16))::UBIGINT::UHUGEINT`)
  const order = "date + to_minutes(delay), file_row_number"
  const slice = limit === undefined ? source : `(FROM ${source} ORDER BY ${order} LIMIT ${limit})`
  await database.run(`
    CREATE TABLE ordered AS
      SELECT row_number() OVER (ORDER BY ${order}) AS place,
             file_row_number AS row_number, date, delay, distance, origin, destination
      FROM ${slice}`)
  await database.run(`
    CREATE TABLE partition_of AS
      SELECT origin, (hash128(origin) // (340282366920938463463374607431768211455::UHUGEINT // 8 + 1)) AS partition
      FROM (SELECT DISTINCT origin FROM ordered)`)
  await database.run(`
    CREATE TABLE judged AS
      SELECT *, date_trunc('hour', date) + INTERVAL 1 HOUR <= watermark AS late
      FROM (
        SELECT o.*, max(date) OVER (
          PARTITION BY partition ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) - INTERVAL 2 HOUR AS watermark
        FROM ordered o JOIN partition_of USING (origin)
      )`)
  await database.run(`
    CREATE TABLE expected_hours AS
      SELECT origin, epoch_ms(date_trunc('hour', date)) AS start_ms,
             epoch_ms(date_trunc('hour', date) + INTERVAL 1 HOUR) AS end_ms,
             count(*)::DOUBLE AS flights, sum(delay)::DOUBLE AS delay_sum, max(delay)::DOUBLE AS worst
      FROM judged WHERE NOT late GROUP BY origin, date_trunc('hour', date)`)
  await database.run(`
    CREATE TABLE expected_late AS
      SELECT strftime(date, '%Y-%m-%dT%H:%M:%S.%gZ') AS date, delay::DOUBLE AS delay,
             distance::DOUBLE AS distance, origin, destination
      FROM judged WHERE late`)
  return database.row<FlightsCounts>(`
    SELECT count(*)::DOUBLE AS flights, count(*) FILTER (NOT late)::DOUBLE AS "onTime",
           count(*) FILTER (late)::DOUBLE AS late,
           (SELECT count(*)::DOUBLE FROM expected_hours) AS hours
    FROM judged`)
}

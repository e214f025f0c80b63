/** Starts run.ts, which runs one query in a process of its own. */
import { execFile } from "node:child_process"
import path from "node:path"
import { promisify } from "node:util"
import type { EmissionOptions } from "./emission.ts"

/** Events of one partition that make one transaction. */
export const perBatch = 4_096

export interface QueryRun {
  readonly query: string
  readonly emission: EmissionOptions
  /** @default as the workload has it */
  readonly outOfOrderMs?: number
  readonly partitions?: number
  /** NDJSON of these events, to be read instead of generating them. */
  readonly from?: string
  /**
   * NDJSON that rows are written to, or the directory of files for a query with a sink of its own; without it, rows are
   * counted and dropped.
   */
  readonly to?: string
}

/** What a run took. */
export interface RunReport {
  readonly query: string
  readonly events: number
  /** Rows that came out; of a table, changes of rows. */
  readonly rows: number
  readonly seconds: number
  readonly cpuSeconds: number
  /** Most resident memory, pages of the state store's file among it, which the kernel takes back when it needs them. */
  readonly peakBytes: number
  /** Most memory of its own. */
  readonly ownBytes: number
  readonly transactions: number
}

const run = promisify(execFile)

export async function runQuery(wanted: QueryRun): Promise<RunReport> {
  const program = path.join(import.meta.dirname, "run.ts")
  const { stdout } = await run(process.execPath, ["--conditions=@millrace/source", program, JSON.stringify(wanted)])
  return JSON.parse(stdout) as RunReport
}

/** What reads the rows of a run, for the oracle. */
export function rowsIn(query: string, to: string): string {
  return query === "q10" ? `read_csv('${to}/q10/**/*.csv', hive_partitioning = true)` : to
}

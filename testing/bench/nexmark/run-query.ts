/** Starts run.ts, which runs one query in a process of its own. */
import { execFile } from "node:child_process"
import path from "node:path"
import { promisify } from "node:util"
import type { EmissionOptions } from "./emission.ts"
import type { RunReport } from "./run.ts"

export interface QueryRun {
  readonly query: string
  readonly emission: EmissionOptions
  /** @default as the workload has it */
  readonly outOfOrderMs?: number
  readonly partitions?: number
  /** NDJSON of these events, to be read instead of generating them. */
  readonly from?: string
  /** NDJSON that rows are written to; without it they are counted and dropped. */
  readonly to?: string
}

const run = promisify(execFile)

export async function runQuery(wanted: QueryRun): Promise<RunReport> {
  const program = path.join(import.meta.dirname, "run.ts")
  const { stdout } = await run(process.execPath, ["--conditions=@millrace/source", program, JSON.stringify(wanted)])
  return JSON.parse(stdout) as RunReport
}

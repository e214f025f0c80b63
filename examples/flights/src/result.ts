/** Reads the result back from the files that the node wrote. */
import { createReadStream, globSync } from "node:fs"
import path from "node:path"
import { readColumns } from "millrace/files"

export interface Hour {
  readonly origin: string
  /** Milliseconds since the epoch. */
  readonly start: number
  readonly flights: number
  readonly meanDelay: number
  readonly worstDelay: number
}

export interface Result {
  /** Hours of an airport with a flight on time. */
  readonly hours: number
  readonly onTime: number
  readonly late: number
  /** The ten hours with the highest mean delay among those with at least {@link worstHoursFlightsMin} flights. */
  readonly worst: readonly Hour[]
}

/** Hours with fewer flights than this do not compete for the worst: one stranded plane is not a bad hour. */
export const worstHoursFlightsMin = 10
const worstHoursShown = 10

export async function readResult(outDir: string): Promise<Result> {
  let hours = 0
  let onTime = 0
  let worst: Hour[] = []
  for (const file of globSync("hourly-delays/**/*.parquet", { cwd: outDir })) {
    const columns = ["origin", "start", "flights", "meanDelay", "worstDelay"]
    for await (const part of readColumns(path.join(outDir, file), { columns, instants: "ms" })) {
      const [origins, starts, flights, means, worsts] = columns.map((column) => part.columns.get(column)) as [
        ArrayLike<string>,
        ArrayLike<number>,
        ArrayLike<number>,
        ArrayLike<number>,
        ArrayLike<number>,
      ]
      for (let row = 0; row < part.rowCount; row++) {
        hours++
        onTime += flights[row] as number
        if ((flights[row] as number) < worstHoursFlightsMin) continue
        worst.push({
          origin: origins[row] as string,
          start: starts[row] as number,
          flights: flights[row] as number,
          meanDelay: means[row] as number,
          worstDelay: worsts[row] as number,
        })
      }
      worst = worst.toSorted(byDelay).slice(0, worstHoursShown)
    }
  }
  let late = 0
  for (const file of globSync("late-flights/**/*.ndjson", { cwd: outDir }))
    late += await linesIn(path.join(outDir, file))
  return { hours, onTime, late, worst }
}

function byDelay(a: Hour, b: Hour): number {
  return b.meanDelay - a.meanDelay || (a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : a.start - b.start)
}

async function linesIn(file: string): Promise<number> {
  let lines = 0
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++
  }
  return lines
}

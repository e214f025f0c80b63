/** What `npm start` prints in the end. */
import { count } from "./progress.ts"
import type { ReplayFigures } from "./replay.ts"
import { type Hour, type Result, worstHoursFlightsMin } from "./result.ts"

/**
 * @param figures - of the replay, when this run was the one that replayed
 * @param seconds - from the replay's first request until every file was there
 */
export function resultText(
  result: Result,
  figures: ReplayFigures | undefined,
  seconds: number,
  outDir: string,
): string {
  const { hours, onTime, late, worst } = result
  return [
    "",
    `The ten worst hours, by mean delay in minutes, of those with at least ${worstHoursFlightsMin} flights:`,
    "",
    "  origin  hour (UTC)        flights  mean delay  worst delay",
    ...worst.map(hourText),
    "",
    `${count(onTime + late)} flights: ${count(onTime)} in time for their hour, ${count(late)} late.`,
    `${count(hours)} rows of hourly delays.`,
    ...(figures === undefined ? [] : speedText(figures, seconds)),
    `Files: ${outDir}/hourly-delays (Parquet by day), ${outDir}/late-flights (NDJSON).`,
  ].join("\n")
}

function hourText({ origin, start, flights, meanDelay, worstDelay }: Hour): string {
  const hour = new Date(start).toISOString().slice(0, 16).replace("T", " ")
  const columns = [String(flights).padStart(7), meanDelay.toFixed(1).padStart(10), String(worstDelay).padStart(11)]
  return `  ${origin.padEnd(6)}  ${hour}  ${columns.join("  ")}`
}

function speedText({ flights, requests, seconds, latencyMs }: ReplayFigures, total: number): string[] {
  const rate = (over: number): string => `${count(Math.round(flights / over))} records/s`
  const size = count(Math.round(flights / Math.max(1, requests)))
  return [
    `${rate(seconds)} until all were acknowledged (${seconds.toFixed(1)} s);`,
    `${rate(total)} until all results were in files (${total.toFixed(1)} s).`,
    `p99 latency ${latencyMs.p99.toFixed(1)} ms (p50 ${latencyMs.p50.toFixed(1)} ms):`,
    `from sending a request of about ${size} flights to its answer, which comes once they are fsynced.`,
  ]
}

export function whatNext(url: string, dir: string): string {
  return `
The node keeps serving. In another terminal:
  npm run -s millrace -- tail flights --from earliest --limit 5
  npm run -s millrace -- doctor --data ${dir}/data
  curl ${url}/v1/status
Ctrl-C stops it.`
}

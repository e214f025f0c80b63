/**
 * Replays flights into a node over HTTP. Each lane has one request in flight, so every partition gets its flights in
 * order; a request bears an idempotency key made of the run, lane and batch, so one that is sent again, after a lost
 * connection or by a second run, is stored once.
 */
import type { Client } from "millrace/client"
import type { Departures } from "./departures.ts"
import { lanesOf } from "./lanes.ts"

export interface ReplayOptions {
  /** Names the run in idempotency keys. */
  readonly run: string
  /** Flights of one request. @default 2,000 */
  readonly batch?: number
  /** Requests in flight at most. @default 2 */
  readonly lanes?: number
  /** Clock in ms, for figures only. */
  readonly now: () => number
  /** Told after each acknowledged request. */
  readonly onAcknowledged: (flights: number, requests: number) => void
  readonly signal: AbortSignal
}

export interface ReplayFigures {
  readonly flights: number
  readonly requests: number
  readonly seconds: number
  /** From sending a request until its answer, which comes once its flights are on the disk; retries included. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number }
}

const stream = "flights"
const partitions = 8

/** Sends all departures. Throws what the client throws as it gives up, and an Error when the node refuses a flight. */
export async function replay(client: Client, departures: Departures, options: ReplayOptions): Promise<ReplayFigures> {
  const { run, batch = 2_000, lanes = 2, now, onAcknowledged, signal } = options
  const latencies: number[] = []
  let acknowledged = 0
  const started = now()

  async function sendLane(lane: number, places: Uint32Array): Promise<void> {
    let body = bodyOf(departures, places, 0, batch)
    for (let from = 0; from < places.length && !signal.aborted; from += batch) {
      const sent = now()
      const answer = client.produce(stream, body, { idempotencyKey: `${run}/${lane}/${from / batch}`, signal })
      // While this request is on its way, the next one is made ready.
      body = bodyOf(departures, places, from + batch, batch)
      const { accepted, rejected } = await answer
      latencies.push(now() - sent)
      const [refused] = rejected
      if (refused !== undefined)
        throw new Error(
          `the node refused flight ${refused.index} of ${run}/${lane}/${from / batch}: ${refused.problem.detail}`,
        )
      acknowledged += accepted
      onAcknowledged(acknowledged, latencies.length)
    }
  }

  await Promise.all(lanesOf(departures, partitions, lanes).map((places, lane) => sendLane(lane, places)))
  const seconds = (now() - started) / 1000
  const sorted = Float64Array.from(latencies).sort()
  const quantile = (q: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] ?? 0
  return {
    flights: acknowledged,
    requests: latencies.length,
    seconds,
    latencyMs: { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) },
  }
}

function bodyOf(departures: Departures, places: Uint32Array, from: number, count: number): Uint8Array<ArrayBuffer> {
  let lines = ""
  const to = Math.min(from + count, places.length)
  for (let at = from; at < to; at++) lines += departures.lineAt(places[at] as number)
  return new TextEncoder().encode(lines)
}

/**
 * Hourly delays of an airport's departures. Flights arrive in the order in which they really left, so they come out of
 * order by their schedule; one that leaves more than two hours after the end of its scheduled hour, as the partition's
 * watermark has it, is late and is kept apart.
 */
import { count, max, mean, service, stream, tumbling } from "millrace"
import { day, files } from "millrace/files"
import { z } from "zod"

export const flights = stream("flights", {
  schema: z.object({
    /** Scheduled departure, UTC. */
    date: z.coerce.date(),
    /** Minutes; negative when it left early. */
    delay: z.int(),
    /** Miles. */
    distance: z.int(),
    origin: z.string(),
    destination: z.string(),
  }),
  partitions: 8,
  key: (flight) => flight.origin,
  time: (flight) => flight.date,
  outOfOrder: "2h",
  description: "Departures within the USA, in the order in which they left.",
})

const hourly = flights
  .window("hourly-delays", tumbling("1h"), { allowedLateness: 0 })
  .aggregate({ flights: count(), meanDelay: mean((flight) => flight.delay), worstDelay: max((flight) => flight.delay) })

const rows = hourly.map(({ key, start, end, flights: departures, meanDelay, worstDelay }) => ({
  origin: key,
  start,
  end,
  flights: departures,
  meanDelay,
  worstDelay,
}))

// The replay runs far faster than real time. Files end by event time alone, so every run writes the same ones.
const every = "1d"

export const delays = rows.to(
  files("hourly-delays", {
    format: "parquet",
    partitionBy: [day("start")],
    columns: {
      origin: "string",
      start: "timestamp",
      end: "timestamp",
      flights: "int64",
      meanDelay: "double",
      worstDelay: "int64",
    },
    roll: { every },
  }),
)

export const late = hourly.late.to(files("late-flights", { format: "ndjson", roll: { every } }))

export default service("flights", [delays, late])

/** A service that keeps something of every kind by the key of its stream, for streams that are resharded under it. */
import { count, distinctCount, hopping, last, service, session, sliding, stream, sum, tumbling } from "millrace"
import { files } from "millrace/files"
import { z } from "zod"

const rides = stream("rides", {
  schema: z.object({ rider: z.string(), city: z.string(), at: z.number(), fare: z.int() }),
  partitions: 2,
  key: (ride) => ride.rider,
  time: (ride) => ride.at,
  outOfOrder: "5s",
  // A shard without records does not stop the ones behind, but a slow machine does not pass for one.
  idle: "10m",
})

const out = (name: string) => stream(name, { schema: z.record(z.string(), z.unknown()), key: (row) => String(row["key"]), partitions: 2 })

/** What was so far, and a timer at the end of each minute in which something was. */
const ledger = rides.process("ledger", {
  state: () => ({ n: 0, fares: 0 }),
  *onRecord(ride, ctx) {
    ctx.state.n++
    ctx.state.fares += ride.fare
    ctx.setTimer(Math.floor(ride.at / 60_000) * 60_000 + 60_000)
    yield { key: ride.rider, n: ctx.state.n, fares: ctx.state.fares, at: ride.at }
  },
  *onTimer(ctx) {
    yield { key: ctx.key, minute: ctx.time }
  },
})

const minutes = rides.window("minutes", tumbling("1m"), { allowedLateness: "30s" }).aggregate({ n: count(), fares: sum((r) => r.fare) })
const hops = rides.window("hops", hopping({ size: "2m", every: "30s" })).aggregate({ cities: distinctCount((r) => r.city) })
const visits = rides.window("visits", session({ gap: "20s" })).aggregate({ n: count() })
const lately = rides.window("lately", sliding({ size: "45s" })).aggregate({ n: count(), fare: last((r) => r.fare) })
const purses = rides
  .window("purses", tumbling("1m"))
  .trigger({
    state: () => ({ fares: 0 }),
    onRecord(ride, ctx) {
      ctx.state.fares += ride.fare
      ctx.setTimer(ctx.start + 45_000)
      return ctx.state.fares > 400 ? "fire-and-purge" : "continue"
    },
    // How much has come by then depends on the shard; that it is asked does not.
    onTime: () => "continue",
  })
  .aggregate({ n: count(), fares: sum((r) => r.fare) })
/** Behind a repartition: who reads it hears of the shards' watermarks. */
const cities = rides.keyBy((ride) => ride.city).window("cities", tumbling("1m")).aggregate({ n: count(), fares: sum((r) => r.fare) })
/** Asked elsewhere: what has been asked is answered before a closed shard goes. */
const asked = rides.mapAsync("asked", async (ride) => {
  await new Promise((resolve) => setImmediate(resolve))
  return { key: ride.rider, asked: ride.fare }
})
const pairs = rides.join("pairs", rides.filter((ride) => ride.fare % 2 === 0), { within: "10s" }, (a, b) => ({ key: a.rider, a: a.at, b: b.at }))

export default service("rides", [
  ledger.to(out("ledger-rows")),
  minutes.to(out("minute-rows")),
  hops.to(out("hop-rows")),
  visits.to(out("visit-rows")),
  purses.to(out("purse-rows")),
  lately.to(out("late-rows")),
  cities.to(out("city-rows")),
  pairs.to(out("pair-rows")),
  asked.to(out("asked-rows")),
  rides.distinct("new-cities", { of: (ride) => ride.city }).map((ride) => ({ key: ride.rider, city: ride.city })).to(out("new-city-rows")),
  rides
    .aggregate("totals", { n: count(), fares: sum((r) => r.fare) })
    .changes()
    .map((change) => ({ key: change.key, n: change.new?.n, fares: change.new?.fares }))
    .to(out("total-rows")),
  rides.to(files("all-rides", { format: "ndjson", roll: { every: "1h" } })),
])

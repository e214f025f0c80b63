import assert from "node:assert/strict"
import { test } from "node:test"
import { collect, service, stream, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { Dice } from "./dice.ts"
import { Rig } from "./rig.ts"

interface Trip {
  readonly id: number
  readonly from: string
  readonly to: string
  /** Event time in ms. */
  readonly t: number
  /** Where a function throws for it. */
  readonly fault: "none" | "map" | "late"
}

/** A result with this many trips cannot be processed further. */
const unlucky = 3

function program(partitions: number) {
  const trips = stream("trips", {
    partitions,
    key: (trip: Trip) => trip.from,
    time: (trip) => trip.t,
    outOfOrder: 10,
    idle: 50,
  })
  const fail = (trip: Trip, at: Trip["fault"]): Trip => {
    if (trip.fault === at) throw new Error("told to")
    return trip
  }
  const windowed = trips
    .map((trip) => fail(trip, "map"))
    .keyBy((trip) => trip.to)
    .window("w", tumbling(10), { allowedLateness: 0 })
    .aggregate({ ids: collect((trip) => trip.id) })
  const lucky = windowed.map((result) => {
    if (result.ids.length === unlucky) throw new Error("unlucky")
    return result
  })
  return service("s", [
    lucky.to(files("results", { roll: { size: 100, every: 30, watermark: 20 } })),
    windowed.late.map((trip) => fail(trip, "late")).to(files("late")),
  ])
}

const place = fc.constantFrom("A", "B", "C", "D")
const trips: fc.Arbitrary<readonly Trip[]> = fc
  .array(
    fc.record({
      from: place,
      to: place,
      step: fc.integer({ min: -20, max: 25 }),
      fault: fc.constantFrom<Trip["fault"]>("none", "none", "none", "none", "map", "late"),
    }),
    { maxLength: 60, size: "max" },
  )
  .map((all) => {
    let at = 0
    return all.map(({ step, ...trip }, id) => ({ id, ...trip, t: (at += step) }))
  })

test("with late records, faults, idle partitions and crashes, every record is in exactly one place", async () => {
  await fc.assert(
    fc.asyncProperty(trips, fc.constantFrom(1, 2, 5), fc.integer(), async (given, partitions, seed) => {
      const rig = await Rig.open(program(partitions))
      const dice = new Dice(seed)
      for (let i = 0; i < given.length; ) {
        const next = i + 1 + dice.roll(8)
        rig.produce("trips", given.slice(i, next))
        i = next
        for (let turns = dice.roll(6); turns > 0; turns--) {
          const seat = rig.seats[dice.roll(rig.seats.length)]
          assert.ok(seat)
          rig.now += dice.roll(40)
          if (dice.roll(2) === 0) rig.tick(seat)
          if (rig.behind(seat)) await rig.take(seat, [1 + dice.roll(5), 1 + dice.roll(5)])
          if (dice.roll(3) === 0) await rig.restart(seat)
        }
      }
      rig.end("trips")
      await rig.settle()

      const results = ((await rig.values("s/results.rows")) as { ids: number[] }[]).flatMap(({ ids }) => ids)
      const late = ((await rig.values("s/late.rows")) as Trip[]).map(({ id }) => id)
      const dead = (await rig.deadLetters("trips")).flatMap(({ value, operator }) =>
        operator === "w" ? (value as { ids: number[] }).ids : [(value as Trip).id],
      )
      const found = [...results, ...late, ...dead].toSorted((a, b) => a - b)
      assert.deepEqual(
        found,
        given.map(({ id }) => id),
      )
      // Late ones are counted, and only those that made it to the late output.
      assert.equal(rig.late()["w"] ?? 0, late.length)
      for (const seat of rig.seats) assert.equal(seat.machine.watermark, Infinity)
      for (const partition of Array.from({ length: partitions }, (_, each) => each)) {
        const decided = rig.files("results").filter((file) => file.partition === partition)
        assert.deepEqual(
          decided.map(({ from }) => from),
          [0, ...decided.map(({ to }) => to)].slice(0, decided.length),
        )
        const rows = (await rig.records("s/results.rows")).filter((each) => each.partition === partition)
        assert.equal(decided.at(-1)?.to ?? 0, rows.length)
      }
    }),
    { numRuns: 300 },
  )
})

// The service in the test driver: what a user's test of it looks like.
import assert from "node:assert/strict"
import { test } from "node:test"
import { crashEverywhere, testService } from "@millrace/testing"
import service, { delays, flights, late } from "./service.ts"

function flight(origin: string, date: string, delay: number): { origin: string; date: string; delay: number; distance: number; destination: string } {
  return { origin, date: `2001-01-31T${date}:00Z`, delay, distance: 500, destination: "ORD" }
}

test("an hour's flights of an airport become one row", async () => {
  const run = await testService(service)
  await run.send(flights, [flight("ATL", "09:10", 10), flight("ATL", "09:50", 30), flight("BOS", "09:20", -5), flight("ATL", "10:00", 0)])
  await run.end(flights)
  const rows = run.values(delays).map(({ origin, start, flights: n, meanDelay, worstDelay }) => [origin, start.getUTCHours(), n, meanDelay, worstDelay])
  assert.deepEqual(rows, [["ATL", 9, 2, 20, 30], ["BOS", 9, 1, -5, -5], ["ATL", 10, 1, 0, 0]])
})

test("a flight that leaves more than two hours after its hour is late, and kept apart", async () => {
  const run = await testService(service)
  await run.send(flights, [flight("ATL", "09:10", 10), flight("ATL", "12:00", 0), flight("ATL", "09:30", 150)])
  assert.deepEqual(run.late(), { "hourly-delays": 1 })
  assert.deepEqual(run.values(late).map(({ delay }) => delay), [150])
  assert.deepEqual(run.values(delays).map(({ flights: n }) => n), [1])
})

test("a day's files are sealed when the watermark has passed it", async () => {
  const run = await testService(service)
  await run.send(flights, flight("ATL", "23:10", 10))
  assert.deepEqual(run.files(delays), [])
  await run.watermarkTo(flights, "2001-02-01T00:00:00Z")
  assert.equal(run.values(delays).length, 1)
  await run.watermarkTo(flights, "2001-02-02T00:00:00Z")
  assert.deepEqual(run.files(delays).map(({ rows }) => rows.length), [1])
})

test("every flight counts once, whatever crashes and when", async () => {
  await crashEverywhere(service, async (run) => {
    await run.send(flights, [flight("ATL", "09:10", 10), flight("BOS", "09:50", 30), flight("ATL", "14:00", 1), flight("ATL", "09:11", 300)])
    await run.end(flights)
    return { rows: run.values(delays), late: run.late() }
  })
})

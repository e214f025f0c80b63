import assert from "node:assert/strict"
import { test } from "node:test"
import { ManualClock } from "@millrace/conformance"
import { Turns } from "./turns.ts"

test("so many wait, with so many characters, and no more; whoever has had a turn or given up makes room", async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1))
  const until = clock.now() + 10_000
  const turns = new Turns(clock, 3, 100)
  const [first, second] = [turns.next(until, undefined, 60), turns.next(until, undefined, 40)]
  assert.equal(await turns.next(until, undefined, 1), false, "100 characters wait")
  const empty = turns.next(until, undefined, 0)
  assert.equal(await turns.next(until, undefined, 0), false, "three wait")
  turns.one()
  assert.equal(await first, true)
  const gone = new AbortController()
  const third = turns.next(until, gone.signal, 60)
  assert.equal(await turns.next(until, undefined, 1), false)
  gone.abort()
  assert.equal(await third, false)
  const fourth = turns.next(until, undefined, 60)
  for (let i = 0; i < 3; i++) clock.step(10_000)
  assert.deepEqual(await Promise.all([second, empty, fourth]), [false, false, false])
  assert.equal(turns.size, 0)
  // All of the room is there again.
  const last = turns.next(clock.now() + 1, undefined, 100)
  turns.one()
  assert.equal(await last, true)
})

import assert from "node:assert/strict"
import { test } from "node:test"
import { Told, type ToldEvent } from "./told.ts"

const piece = (n: number, length = 0): ToldEvent => ({ kind: "chunk", json: String(n).padEnd(length, ".") })
const bounds = { toldRunBytesMax: 10_000, toldBytesMax: 20_000 }

function told(told: Told, run: string, place = ""): readonly (string | number)[] {
  return told.since(run, place).pieces.map(({ event }) => (event.kind === "attempt" ? event.attempt : event.json))
}

test("whoever comes later hears what a run has told, from its beginning or from a place, also once it has ended", () => {
  const it = new Told(1_000)
  assert.equal(it.begin("t-1", 1), undefined)
  const places = [it.tell("t-1", 1, piece(10)), it.tell("t-1", 1, piece(11)), it.begin("t-1", 2) ?? "", it.tell("t-1", 2, piece(20))]
  it.tell("t-2", 1, piece(99))
  assert.deepEqual(told(it, "t-1"), [1, "10", "11", 2, "20"])
  it.end("t-1")
  assert.deepEqual(places.map((place) => told(it, "t-1", place)), [["11", 2, "20"], [2, "20"], ["20"], []])
  assert.deepEqual(it.since("t-1", "").pieces.slice(1).map(({ place }) => place), places)
  assert.deepEqual(it.since("t-3", ""), { missed: 0, pieces: [] })
})

test("a run that is made again from its beginning begins anew, and places of before say nothing of it", () => {
  const it = new Told(1_000)
  const place = it.tell("t-1", 1, piece(1))
  it.end("t-1")
  it.begin("t-1", 1)
  assert.deepEqual(told(it, "t-1", place), [])
  it.tell("t-1", 1, piece(2))
  assert.deepEqual(told(it, "t-1", place), [1, "2"])
  // So do places of an earlier start of the node, and what is no place.
  for (const other of [new Told(999).tell("t-1", 1, piece(1)), "x", "..", "-1"]) assert.deepEqual(told(it, "t-1", other), [1, "2"])
})

test("of a run the newest is kept, and how much is missing is known", () => {
  const it = new Told(1_000, bounds)
  const places = Array.from({ length: 100 }, (_, i) => it.tell("t-1", 1, piece(i, 100)))
  const { missed, pieces } = it.since("t-1", "")
  assert.ok(missed > 50 && pieces.length >= 15)
  // The attempt is an event too.
  assert.equal(missed + pieces.length, 101)
  assert.deepEqual(pieces.at(-1), { event: piece(99, 100), place: places[99] })
  assert.equal(it.since("t-1", places.at(9) ?? "").missed, missed - 11)
  assert.equal(it.since("t-1", places.at(98) ?? "").pieces.length, 1)
  // One that is larger than all that is kept is kept alone.
  it.tell("t-1", 1, piece(7, 8_000))
  assert.equal(it.since("t-1", "").pieces.length, 1)
})

test("of all runs so much is kept: those that have ended go first, then those that began to tell first", () => {
  const it = new Told(1_000, bounds)
  for (const n of [1, 2, 3, 4, 5]) it.tell(`t-${n}`, 1, piece(n, 1_500))
  for (const n of [4, 3]) it.end(`t-${n}`)
  const kept = (): readonly number[] => [1, 2, 3, 4, 5, 6, 7, 8, 9].filter((n) => it.since(`t-${n}`, "").pieces.length > 0)
  assert.deepEqual(kept(), [1, 2, 3, 4, 5])
  it.tell("t-6", 1, piece(6, 1_500))
  assert.deepEqual(kept(), [1, 2, 3, 5, 6])
  it.tell("t-7", 1, piece(7, 1_500))
  it.tell("t-8", 1, piece(8, 1_500))
  assert.deepEqual(kept(), [2, 5, 6, 7, 8])
  assert.deepEqual(told(it, "t-2"), [1, "2".padEnd(1_500, ".")])
})

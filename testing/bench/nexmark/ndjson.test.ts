import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { test } from "node:test"
import { Emission } from "./emission.ts"
import { lineOf, linesOf, writeNdjson } from "./ndjson.ts"

test("a line is what JSON.stringify makes of the event, in ASCII", () => {
  const run = new Emission({ events: 20_000 }).take(Infinity)
  for (const event of run) assert.equal(lineOf(event), JSON.stringify(event))
  // oxlint-disable-next-line no-control-regex -- ASCII is what is meant
  assert.ok(run.every((event) => /^[\x20-\x7e]*$/.test(lineOf(event))))
})

test("a file holds a line for each event", () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nexmark-"))
  try {
    const file = path.join(directory, "events.ndjson")
    const options = { events: 10_000, duplicates: { share: 0.1, by: 3 } }
    const run = new Emission(options).take(Infinity)
    assert.equal(writeNdjson(file, new Emission(options)), run.length)
    assert.equal(fs.readFileSync(file, "utf8"), `${run.map(lineOf).join("\n")}\n`)
  } finally {
    fs.rmSync(directory, { recursive: true, force: true })
  }
})

test("lines come in portions, the last one empty", () => {
  const emission = new Emission({ events: 5 })
  const portions = [linesOf(emission, 3), linesOf(emission, 3), linesOf(emission, 3)]
  assert.deepEqual(
    portions.map((text) => text.split("\n").length - 1),
    [3, 2, 0],
  )
})

import assert from "node:assert/strict"
import { test } from "node:test"
import { run } from "./run.ts"

test("each earthquake that the producer put into the stream lies in the bucket, as it was sent", async () => {
  const said: string[] = []
  const { objects, lines, missing, invented } = await run((line) => said.push(line))
  assert.deepEqual({ lines, missing, invented }, { lines: 1707, missing: 0, invented: 0 })
  assert.ok(objects >= 18, `${objects} objects of at most 100 records`)
  assert.match(said.join("\n"), /1707 earthquakes sent/)
})

import assert from "node:assert/strict"
import { test } from "node:test"
import { run } from "./run.ts"

test("requests are decoded, carried out as tasks, and answered with their results; large ones go through S3", async () => {
  const { asked, objects } = await run(() => undefined)
  assert.deepEqual(asked.map(({ what, status, differences }) => [what, status, differences]), [
    ["a table that is fetched", 200, []],
    ["a table of 2 MB in the request, all its rows in the answer", 200, []],
    ["a site that fails twice", 200, []],
    ["a table that is not there", 502, []],
    ["no url", 422, []],
    ["an answer later", 202, []],
  ])
  assert.equal(asked[0]?.answer.rows, 1461)
  assert.equal(asked[1]?.answer.data?.length, asked[1]?.answer.rows)
  assert.match(asked[3]?.answer.message ?? "", /nothing\.csv answered 404/)
  assert.match(JSON.stringify(asked[4]?.answer), /"path":\["url"\]|url/)
  assert.match(asked[5]?.answer.run ?? "", /^describe-table-\d+$/)
  assert.equal(objects, 2)
})

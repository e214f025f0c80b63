// The foundation's list of bad input, each sent over HTTP to a real node: a clear error with its code, and nothing else suffers. A full
// disk and a read-only directory are for hosts/runtime/src/disk.test.ts and starting.test.ts, which have a small disk of their own.
import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { after, before, test } from "node:test"
import { workplace } from "../test/cli.ts"
import { type Client, connect, type ProduceReply } from "./client.ts"
import { type RunningNode, startNode } from "./node.ts"

const text = `
import { service, stream } from "millrace"
import { z } from "zod"
const schema = z.object({ id: z.string().optional(), n: z.number(), at: z.unknown().optional() })
const readings = stream("readings", {
  schema,
  key: (r) => r.id as string,
  time: (r) => (r.at === "not a number" ? Number.NaN : r.at ?? Date.now()) as number,
  partitions: 2,
})
const doubled = readings.map((r) => {
  if (r.n === 13) throw new Error("thirteen")
  while (r.n === 99);
  return { id: r.id, n: 2 * r.n }
})
const beside = stream("beside", { schema, key: (r) => r.id as string, partitions: 1 })
export default service("bad", [doubled.to(stream("doubled", { partitions: 2 })), beside.map((r) => r.n).to(stream("seen", { partitions: 1 }))])
`

let place: ReturnType<typeof workplace>
let node: RunningNode
let client: Client
let good = 0

before(async () => {
  place = workplace()
  const file = path.join(place.dir, "service.ts")
  writeFileSync(file, text)
  node = await startNode({ files: [file], dataDir: path.join(place.dir, "data"), port: 0, log: "silent", handlerSeconds: 1 })
  client = connect(node.url)
})

after(async () => {
  await node.close()
  place.remove()
})

interface Answer extends ProduceReply {
  readonly status: number
  readonly code?: string
  readonly detail?: string
}

async function send(body: string | Uint8Array<ArrayBuffer>, type = "application/x-ndjson", stream = "readings"): Promise<Answer> {
  const response = await fetch(`${node.url}/v1/streams/${stream}/records`, { method: "POST", headers: { "content-type": type }, body })
  return { ...((await response.json()) as Answer), status: response.status }
}

/** Another stream of the same service, and this one, go on. */
async function assertWell(): Promise<void> {
  assert.equal((await send(JSON.stringify({ id: "a", n: 1 }))).status, 200)
  assert.equal((await send(JSON.stringify({ id: "a", n: ++good }), "application/json", "beside")).status, 200)
  for await (const { record } of client.live<number>("seen", { from: "earliest" })) if (record.value === good) break
}

/** Codes of the refused records by their places. */
function refused({ status, accepted, rejected }: Answer): readonly unknown[] {
  return [status, accepted, ...rejected.map(({ index, problem }) => [index, problem.code])]
}

test("malformed JSON in the middle of a body refuses its line alone", async () => {
  assert.deepEqual(refused(await send('{"id":"a","n":1}\n{"id":"b","n":\n{"id":"c","n":NaN}\n{"id":"d","n":4}\n')), [200, 2, [1, "MR1001"], [2, "MR1001"]])
  await assertWell()
})

test("a schema violation refuses its record with each fault", async () => {
  const answer = await send('{"id":5,"n":"x"}\n{"id":"a","n":1}\n')
  assert.deepEqual(refused(answer), [200, 1, [0, "MR1002"]])
  assert.match(answer.rejected[0]?.problem.detail ?? "", /stream "readings": id: .*; n: /)
  await assertWell()
})

test("a wrong type of body is refused with those that are taken", async () => {
  const { status, code, detail } = await send("<a/>", "application/xml")
  assert.deepEqual([status, code], [415, "MR1006"])
  assert.match(detail ?? "", /application\/x-ndjson/)
  await assertWell()
})

test("a body of 100 MB is refused with the bound", async () => {
  const { status, code, detail } = await send(new Uint8Array(100_000_000))
  assert.deepEqual([status, code], [413, "MR1007"])
  assert.match(detail ?? "", /\d/)
  await assertWell()
})

test("a stream that does not exist is refused with those that do", async () => {
  const { status, code, detail } = await send('{"id":"a","n":1}', "application/json", "reedings")
  assert.deepEqual([status, code], [404, "MR1008"])
  assert.match(detail ?? "", /"reedings".*readings/)
  await assertWell()
})

test("a missing key, an event time that is NaN and one of the year 9999 refuse their records", async () => {
  const answer = await send('{"n":1}\n{"id":"a","n":1,"at":"not a number"}\n{"id":"a","n":1,"at":"9999-12-31T00:00:00Z"}\n{"id":"a","n":1}\n')
  assert.deepEqual(refused(answer), [200, 1, [0, "MR1003"], [1, "MR1004"], [2, "MR1005"]])
  await assertWell()
})

test("a map that throws, and one that never ends, put their records aside", async () => {
  for (const [n, code, words] of [[13, "MR1201", /thirteen/], [99, "MR1202", /service "bad", \d@\d+ of stream "readings", in .*held its worker for more than 1000 ms/]] as const) {
    assert.equal((await send(JSON.stringify({ id: "a", n }))).status, 200)
    for await (const { record } of client.live<{ value: { n: number }; error: { code: string; message: string } }>("readings.dead-letter", { from: "earliest" })) {
      if (record.value.value.n !== n) continue
      assert.equal(record.value.error.code, code)
      assert.match(record.value.error.message, words)
      break
    }
    await assertWell()
  }
})

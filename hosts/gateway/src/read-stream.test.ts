import assert from "node:assert/strict"
import { test } from "node:test"
import { limits } from "@millrace/model"
import { mediaTypes, type Problem, type RecordPage } from "@millrace/protocol"
import { type Door, openDoor } from "../test/door.ts"
import { streamPlan } from "../test/memory-node.ts"

const one = streamPlan("payments", { partitions: 1 })

async function produce(door: Door, body: string, type: string = mediaTypes.ndjson): Promise<void> {
  const response = await fetch(`${door.url}/v1/streams/payments/records`, {
    method: "POST",
    body,
    headers: { "content-type": type },
  })
  assert.equal(response.status, 200, await response.text())
}

async function get<Body = RecordPage>(
  door: Door,
  query = "",
  stream = "payments",
): Promise<{ status: number; body: Body }> {
  const response = await fetch(`${door.url}/v1/streams/${stream}/records${query}`)
  return { status: response.status, body: (await response.json()) as Body }
}

test("a page has each record with its position, key, event time, headers and value", async (t) => {
  const door = await openDoor(t, [one])
  await produce(door, '{"key":"ä\\"1","n":1.50}\n')
  await produce(
    door,
    JSON.stringify({ specversion: "1.0", id: "7", source: "/s", type: "t", data: { key: "b" } }),
    mediaTypes.cloudevent,
  )
  const { body } = await get(door)
  assert.deepEqual(body, {
    records: [
      { partition: 0, offset: 0, key: 'ä"1', time: "2026-11-21T00:00:00.000Z", value: { key: 'ä"1', n: 1.5 } },
      {
        partition: 0,
        offset: 1,
        key: "b",
        time: "2026-11-21T00:00:00.001Z",
        headers: { id: "7", source: "/s", type: "t" },
        value: { key: "b" },
      },
    ],
    next: 2,
    first: 0,
    end: 2,
  })
})

test("a value keeps every digit and line break that its producer wrote", async (t) => {
  const door = await openDoor(t, [one])
  await produce(door, '{\n  "key": "a",\n  "n": 12345678901234567890.10\n}', "application/json")
  const text = await (await fetch(`${door.url}/v1/streams/payments/records`)).text()
  assert.ok(text.includes('"value":{\n  "key": "a",\n  "n": 12345678901234567890.10\n}'), text)
})

test("pages lead on to the end, each record once", async (t) => {
  const door = await openDoor(t, [one])
  await produce(door, Array.from({ length: 250 }, (_, n) => JSON.stringify({ key: "a", n })).join("\n"))
  door.node.mark("payments", 0)
  const seen: unknown[] = []
  let from = 0
  for (;;) {
    const { body } = await get(door, `?from=${from}&limit=70`)
    seen.push(...body.records.map(({ value }) => (value as { n: number }).n))
    from = body.next
    if (from === body.end) break
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 250 }, (_, n) => n),
  )
})

test("a page begins at the earliest, the latest, an offset or a time", async (t) => {
  const door = await openDoor(t, [one])
  await produce(door, '{"key":"a","n":0}\n{"key":"a","n":1}\n{"key":"a","n":2}\n')
  const firsts = async (from: string) => (await get(door, `?from=${from}`)).body.records.map(({ offset }) => offset)
  assert.deepEqual(await firsts("earliest"), [0, 1, 2])
  assert.deepEqual(await firsts("latest"), [])
  assert.deepEqual(await firsts("2"), [2])
  assert.deepEqual(await firsts("2026-11-21"), [0, 1, 2])
  assert.deepEqual(await firsts("2026-11-21T00:00:00.001Z"), [1, 2])
  assert.deepEqual(await firsts("2026-11-21T02:00:00.002%2B02:00"), [2])
  // A plus sign that was not encoded arrives as a space.
  assert.deepEqual(await firsts("2026-11-21T02:00:00.002+02:00"), [2])
})

test("a page of another partition holds that partition's records", async (t) => {
  const door = await openDoor(t, [streamPlan("payments", { partitions: 4 })])
  await produce(door, Array.from({ length: 40 }, (_, n) => JSON.stringify({ key: String(n) })).join("\n"))
  let all = 0
  for (let partition = 0; partition < 4; partition++) {
    const { body } = await get(door, `?partition=${partition}`)
    assert.ok(body.records.every((record) => record.partition === partition))
    all += body.records.length
  }
  assert.equal(all, 40)
})

test("a parameter that is wrong is refused with MR1009 and what it may be", async (t) => {
  const door = await openDoor(t, [one])
  const wrong = [
    "?partition=1",
    "?partition=-1",
    "?partition=x",
    "?partition=0.5",
    "?limit=0",
    `?limit=${limits.pageRecordsMax + 1}`,
    "?limit=",
    "?limit=5&limit=6",
    "?from=yesterday",
    "?from=-5",
    "?from=1.2",
    "?from=2026-13-45",
    "?from=99999999999999999999",
    "?from=",
    "?form=latest",
    "?__proto__=1",
  ]
  for (const query of wrong) {
    const { status, body } = await get<Problem>(door, query)
    assert.equal(status, 400, query)
    assert.equal(body.code, "MR1009", query)
    assert.equal(typeof body["parameter"], "string", query)
  }
})

test("a position that is no longer kept is refused with MR1014", async (t) => {
  const door = await openDoor(t, [one])
  await produce(door, '{"key":"a"}\n{"key":"a"}\n')
  door.node.forget("payments", 0, 1)
  const { status, body } = await get<Problem>(door, "?from=0")
  assert.equal(status, 410)
  assert.equal(body.code, "MR1014")
})

test("a stream whose name holds a slash is reached with %2F", async (t) => {
  const door = await openDoor(t, [streamPlan("fraud/velocity.rows", { role: "sink", partitions: 1 })])
  assert.equal((await get(door, "", "fraud%2Fvelocity.rows")).status, 200)
  assert.equal((await get(door, "", "fraud%2fvelocity.rows")).status, 200)
  const plain = await get<Problem>(door, "", "fraud/velocity.rows")
  assert.equal(plain.status, 404)
  assert.equal(plain.body.code, "MR1012")
})

test("a stream is told with its facts and what each partition holds", async (t) => {
  const jsonSchema = { type: "object" }
  const door = await openDoor(t, [streamPlan("payments", { partitions: 2, description: "Card payments", jsonSchema })])
  await produce(door, '{"key":"a"}\n')
  door.node.forget("payments", 0, 0)
  const facts = {
    name: "payments",
    role: "source",
    partitions: 2,
    format: "json",
    keyed: true,
    outOfOrderMs: 0,
    retentionMs: 86_400_000,
    description: "Card payments",
    jsonSchema,
  }
  assert.deepEqual(await (await fetch(`${door.url}/v1/streams`)).json(), { streams: [facts] })
  const details = (await (await fetch(`${door.url}/v1/streams/payments`)).json()) as {
    extents: { partition: number; first: number; end: number }[]
  }
  const { extents, ...rest } = details
  assert.deepEqual(rest, facts)
  assert.deepEqual(
    extents.map(({ partition, first }) => [partition, first]),
    [
      [0, 0],
      [1, 0],
    ],
  )
  assert.equal(
    extents.reduce((sum, { end }) => sum + end, 0),
    1,
  )
})

test("a stream that ends takes no part of the request's body, and ending it again changes nothing", async (t) => {
  const door = await openDoor(t, [one, streamPlan("out", { role: "derived" })])
  for (let time = 0; time < 2; time++) {
    const response = await fetch(`${door.url}/v1/streams/payments/end`, { method: "POST", body: "whatever" })
    assert.equal(response.status, 200)
    assert.deepEqual(await response.json(), { stream: "payments", ended: true })
  }
  const derived = await fetch(`${door.url}/v1/streams/out/end`, { method: "POST" })
  assert.equal(derived.status, 409)
  assert.equal(((await derived.json()) as Problem).code, "MR1016")
})

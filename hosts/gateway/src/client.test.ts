import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError, MillraceError } from "@millrace/model"
import { createClient } from "@millrace/protocol"
import { openDoor, until } from "../test/door.ts"
import { streamPlan } from "../test/memory-node.ts"
import { createGateway } from "./gateway.ts"

const world = { fetch, sleep: () => new Promise<void>((resolve) => setImmediate(resolve)), random: Math.random }
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }

test("the client and the gateway understand each other over a socket", async (t) => {
  const door = await openDoor(t, [streamPlan("payments", { partitions: 2 }), streamPlan("out", { role: "derived" })])
  const client = createClient({ url: door.url, ...world })
  const reply = await client.produce("payments", [{ key: "a", n: 1 }, 5, { key: "b", n: 2 }])
  assert.equal(reply.accepted, 2)
  assert.deepEqual(
    reply.rejected.map(({ index, problem }) => [index, problem.code]),
    [[1, "MR1002"]],
  )
  assert.equal((await client.produce("payments", "5\n")).accepted, 0)
  assert.equal((await client.produce("payments", new TextEncoder().encode('{"key":"c"}\n'))).accepted, 1)
  const pages = await Promise.all([0, 1].map((partition) => client.read<{ key: string }>("payments", { partition })))
  assert.deepEqual(pages.flatMap(({ records }) => records.map(({ value }) => value.key)).toSorted(), ["a", "b", "c"])
  assert.deepEqual(
    (await client.streams()).map(({ name }) => name),
    ["payments", "out"],
  )
  assert.equal((await client.stream("payments")).extents?.length, 2)
  assert.equal((await client.status()).ready, true)
  await assert.rejects(client.produce("none", [1]), (error) => isMillraceError(error) && error.code === "MR1008")
  await assert.rejects(client.end("out"), (error) => isMillraceError(error) && error.code === "MR1016")
  await client.end("payments")
  const seen: string[] = []
  for await (const { record } of client.live<{ key: string }>("payments", { from: "earliest" }))
    seen.push(record.value.key)
  assert.deepEqual(seen.toSorted(), ["a", "b", "c"])
})

test("a client that is told to slow down tries again until the node takes its records", async (t) => {
  const door = await openDoor(t)
  door.node.refusing = new MillraceError("MR1010", "The journal is behind.", { retryAfterMs: 0 })
  const client = createClient({ url: door.url, ...world })
  const producing = client.produce("payments", [{ key: "a" }])
  await until(() => door.node.requests.length === 3)
  door.node.refusing = undefined
  assert.equal((await producing).accepted, 1)
})

test("a reader and a producer go on after the gateway was closed and opened again", async (t) => {
  const door = await openDoor(t, [streamPlan("payments", { partitions: 1 })])
  const client = createClient({ url: door.url, ...world, backoff: { attempts: 10_000, firstMs: 1, mostMs: 1 } })
  const stop = new AbortController()
  const seen: number[] = []
  const reading = (async () => {
    for await (const { record } of client.live<{ n: number }>("payments", { from: "earliest", signal: stop.signal }))
      seen.push(record.value.n)
  })()
  await client.produce("payments", [{ key: "a", n: 0 }])
  await until(() => seen.length === 1)
  await door.gateway.close()
  const producing = client.produce("payments", [{ key: "a", n: 1 }])
  const again = createGateway({ node: door.node, version: "0", log: quiet })
  await again.listen("127.0.0.1", door.port)
  t.after(() => again.close())
  assert.equal((await producing).accepted, 1)
  await until(() => seen.length === 2)
  assert.deepEqual(seen, [0, 1])
  stop.abort()
  await reading
  await until(() => door.node.followers === 0)
})

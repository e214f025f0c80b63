// Functions in the driver: batches, retries of a day, splits, destinations, events and requests, all by the test's clock.
import assert from "node:assert/strict"
import { test } from "node:test"
import { type FailedBatch, type FailedEvent, fn, http, HttpError, type KinesisEventRecord, service, stream, task } from "@millrace/sdk"
import { z } from "zod"
import { crashEverywhere, testService } from "../src/index.ts"

const orders = stream<{ id: string; cents: number }>("orders", { key: ({ id }) => id, partitions: 1 })
const failed = stream<FailedBatch>("failed", { partitions: 1 })
const unsent = stream<FailedEvent>("unsent", { partitions: 1 })

interface Batch {
  readonly Records: readonly KinesisEventRecord[]
}

const orderOf = ({ kinesis }: KinesisEventRecord): { id: string; cents: number } => JSON.parse(Buffer.from(kinesis.data, "base64").toString()) as { id: string; cents: number }

/** Takes no order that costs less than nothing. */
const ship = async ({ Records }: Batch): Promise<string[]> => {
  const ids = Records.map(orderOf)
  if (ids.some(({ cents }) => cents < 0)) throw new RangeError("less than nothing")
  return ids.map(({ id }) => id)
}

const numbered = (count: number, bad: number): { id: string; cents: number }[] => Array.from({ length: count }, (_, n) => ({ id: `o-${n}`, cents: n === bad ? -1 : n }))

test("a function gets the batches of its stream; a bad record is split off, given up, and redriven", async () => {
  const app = service("shop", [fn("ship", "./ship.ts", { on: { stream: orders, batchSize: 8, maximumRetryAttempts: 1, bisectBatchOnFunctionError: true, onFailure: failed } })])
  let isMended = false
  const mended = (event: Batch): unknown => (isMended ? event.Records.length : ship(event))
  const bench = await testService(app, { handlers: { ship: mended } })
  await bench.send(orders, numbered(8, 5))
  await bench.advance("1m")
  const seen = bench.functions.invocations("ship").map(({ event, outcome }) => [(event as Batch).Records.map((record) => orderOf(record).id.slice(2)).join(""), outcome])
  assert.deepEqual(seen, [
    ["01234567", "failed"],
    ["0123", "returned"],
    ["4567", "failed"],
    ["45", "failed"],
    ["4", "returned"],
    ["5", "failed"],
    ["5", "failed"],
    ["67", "returned"],
  ])
  const [told, ...more] = bench.values(failed)
  assert.deepEqual([told?.requestContext.condition, told?.requestContext.approximateInvokeCount, told?.KinesisBatchInfo.batchSize, more], ["RetryAttemptsExhausted", 2, 1, []])
  const { state, shards, figures } = bench.functions.mapping("ship") ?? assert.fail("no mapping")
  assert.deepEqual([state, shards, figures.polled, figures.dropped, figures.delivered], ["Enabled", 1, 8, 1, 1])
  isMended = true
  assert.deepEqual(await bench.functions.redrive("ship"), { batches: 1, records: 1, waiting: 0, failures: [] })
  assert.equal(bench.functions.invocations("ship").at(-1)?.answer, 1)
})

test("24 hours of retries take less than a second, and end as Lambda's do", async () => {
  const app = service("shop", [fn("ship", "./ship.ts", { on: { stream: orders, onFailure: { s3: "s3://failed" } } })])
  const bench = await testService(app, { handlers: { ship } })
  await bench.send(orders, [{ id: "bad", cents: -1 }])
  await bench.send(orders, [{ id: "good", cents: 1 }])
  const from = performance.now()
  await bench.advance("25h")
  const tries = bench.functions.invocations("ship")
  assert.ok(tries.length > 1_400 && tries.length < 1_500, String(tries.length))
  assert.ok(performance.now() - from < 20_000)
  assert.deepEqual([tries.at(-1)?.outcome, tries.at(-1)?.answer], ["returned", ["good"]])
  const [object, ...more] = bench.functions.objects("s3://failed")
  assert.match(object?.name ?? "", /^aws\/lambda\/[0-9a-f-]{36}\/shardId-000000000000\/2030\/01\/0[12]\//)
  assert.deepEqual([(object?.value as FailedBatch | undefined)?.requestContext.condition, more], ["RecordAgeExceeded", []])
})

test("a queue is told of a batch that was given up, as Lambda tells it", async () => {
  const arn = "arn:aws:sqs:eu-west-1:123456789012:failed"
  const bench = await testService(service("shop", [fn("ship", "./ship.ts", { on: { stream: orders, maximumRetryAttempts: 0, onFailure: { sqs: arn } } })]), { handlers: { ship } })
  await bench.send(orders, numbered(2, 1))
  const [told, ...more] = bench.functions.messages(arn) as FailedBatch[]
  assert.deepEqual([told?.KinesisBatchInfo.batchSize, told?.payload, more], [2, undefined, []])
})

test("a batching window and a tumbling window pass by the test's clock", async () => {
  const seen: unknown[] = []
  const count = async ({ Records, state, isFinalInvokeForWindow }: Batch & { state: { n?: number }; isFinalInvokeForWindow: boolean }): Promise<object> => {
    const n = (state.n ?? 0) + Records.length
    seen.push([Records.length, n, isFinalInvokeForWindow])
    return { state: { n } }
  }
  const app = service("shop", [fn("count", "./count.ts", { on: { stream: orders, batchSize: 3, maximumBatchingWindow: "10s", tumblingWindow: "1m" } })])
  const bench = await testService(app, { handlers: { count } })
  await bench.send(orders, numbered(4, -1))
  assert.deepEqual(seen, [[3, 3, false]])
  await bench.advance("9s")
  assert.equal(seen.length, 1)
  await bench.advance("1s")
  assert.deepEqual(seen.slice(1), [[1, 4, false]])
  await bench.advance("2m")
  assert.deepEqual(seen.slice(2), [[0, 4, true]])
})

test("an event that nobody waits for is tried three times by the test's clock, and its destination is told", async () => {
  const mail = fn("mail", "./mail.ts", { eventInvoke: { onFailure: unsent } })
  const bench = await testService(service("mails", [mail]), {
    handlers: {
      mail: async () => {
        throw new Error("no server")
      },
    },
  })
  const requestId = await bench.functions.invokeEvent(mail, { to: "me" })
  assert.equal(bench.functions.invocations(mail).length, 1)
  await bench.advance("1m")
  await bench.advance("2m")
  assert.deepEqual(bench.functions.invocations("mail").map((each) => [each.requestId, each.at.toISOString(), each.outcome]), [
    [requestId, "2030-01-01T00:00:00.000Z", "failed"],
    [requestId, "2030-01-01T00:01:00.000Z", "failed"],
    [requestId, "2030-01-01T00:03:00.000Z", "failed"],
  ])
  const [told] = bench.values(unsent)
  assert.deepEqual([told?.requestContext.condition, told?.requestPayload, told?.responsePayload?.errorMessage], ["RetriesExhausted", { to: "me" }, "no server"])
})

test("functions are called by name: by promise, by callback, and what they throw is told as Lambda does", async () => {
  const app = service("shop", [fn("echo", "./a.ts"), fn("back", "./a.ts"), fn("fails", "./a.ts"), fn("hangs", "./a.ts", { timeout: "5s" }), fn("one", "./a.ts", { concurrency: 1 })])
  const bench = await testService(app, {
    patience: 20,
    handlers: {
      echo: async (event: unknown, context: { functionName: string; getRemainingTimeInMillis(): number }) => ({ event, of: context.functionName, left: context.getRemainingTimeInMillis() }),
      back: (event: number, _: unknown, callback: (error: unknown, value: number) => void) => callback(null, event + 1),
      fails: () => {
        throw new TypeError("no")
      },
      hangs: () => new Promise(() => undefined),
      one: () => new Promise(() => undefined),
    },
  })
  assert.deepEqual(await bench.functions.invoke("echo", { n: 1 }), { outcome: "returned", payload: { event: { n: 1 }, of: "echo", left: 3_000 } })
  assert.deepEqual(await bench.functions.invoke("back", 1), { outcome: "returned", payload: 2 })
  const reply = await bench.functions.invoke("fails", {})
  assert.deepEqual(reply.outcome === "failed" ? [reply.error.errorType, reply.error.errorMessage] : reply, ["TypeError", "no"])
  await assert.rejects(bench.functions.invoke("hangs", {}), { code: "MR1202" })
  await bench.advance("5s")
  assert.equal(bench.functions.invocations("hangs")[0]?.error?.errorType, "Sandbox.Timedout")
  await assert.rejects(bench.functions.invoke("one", {}), { code: "MR1202" })
  assert.deepEqual(await bench.functions.invoke("one", {}), { outcome: "throttled" })
  await assert.rejects(bench.functions.invoke("none", {}), { code: "MR1031" })
})

test("requests are answered by typed functions and by handlers, as on a node", async () => {
  const input = z.object({ item: z.string() })
  const order = http("POST /orders", {
    input,
    run: ({ item }, ctx) => {
      if (item === "unicorn") throw new HttpError(409, "There are none.")
      ctx.status(201)
      return { id: `o-${item}` }
    },
  })
  const bench = await testService(service("orders", [order, http("GET /orders/{id}", "./order.ts", { name: "order" })]), {
    handlers: { order: async ({ pathParameters }: { pathParameters: { id: string } }) => ({ statusCode: 200, headers: { "x-id": pathParameters.id }, cookies: ["a=1"], body: "here" }) },
  })
  const made = await bench.functions.request("/orders", { method: "POST", body: { item: "hat" } })
  assert.deepEqual([made.status, await made.json()], [201, { id: "o-hat" }])
  assert.equal((await bench.functions.request("/orders", { method: "POST", body: { item: "unicorn" } })).status, 409)
  assert.equal((await bench.functions.request("/orders", { method: "POST", body: { item: 1 } })).status, 422)
  const got = await bench.functions.request("/orders/7?x=1")
  assert.deepEqual([got.headers.get("x-id"), got.headers.getSetCookie(), await got.text()], ["7", ["a=1"], "here"])
  await assert.rejects(bench.functions.request("/nothing"), { code: "MR1012" })
})

test("schemas of a typed function may be asynchronous", async () => {
  const short = z.string().refine(async (text) => Promise.resolve(text.length < 3), "too long")
  const order = http("POST /orders", { input: z.object({ item: short }), output: z.object({ id: short }), run: ({ item }) => ({ id: item + item }) })
  const bench = await testService(service("orders", [order]))
  const made = await bench.functions.request("/orders", { method: "POST", body: { item: "a" } })
  assert.deepEqual([made.status, await made.json()], [200, { id: "aa" }])
  const refused = await bench.functions.request("/orders", { method: "POST", body: { item: "long" } })
  assert.deepEqual([refused.status, ((await refused.json()) as { readonly code: string }).code], [422, "MR1030"])
  assert.equal((await bench.functions.request("/orders", { method: "POST", body: { item: "ab" } })).status >= 500, true)
})

test("a handler streams its answer: over HTTP part by part with its status, by name as one text", async () => {
  const file = new URL("./handlers/service.ts", import.meta.url).href
  const streams = (handler: string) => ({ name: handler, handler, timeout: "2s" }) as const
  const app = service("streams", [
    http("GET /parts", "./streams.mjs", { name: "parts" }),
    ...["plain", "breaksOff", "neverEnds", "large"].map((name) => http(`GET /${name}`, "./streams.mjs", streams(name))),
  ])
  const bench = await testService(app, { file })
  const parts = await bench.functions.request("/parts?parts=20000")
  assert.deepEqual([parts.status, parts.headers.get("x-left"), parts.headers.getSetCookie()], [201, "30000", ["a=1"]])
  assert.equal((await parts.text()).split("\n").length, 20_001)
  const plain = await bench.functions.request("/plain")
  assert.deepEqual([plain.status, plain.headers.get("content-type"), await plain.text()], [200, "text/csv", "a,b\n0,2\n"])
  assert.deepEqual(await bench.functions.invoke("plain", { n: 7 }), { outcome: "returned", payload: "a,b\n7,2\n" })
  // The connection breaks off on a node: so does the body here.
  const broken = await bench.functions.request("/breaksOff")
  assert.equal(broken.status, 200)
  await assert.rejects(broken.text(), /in the middle of its answer/)
  const [failure] = bench.functions.invocations("breaksOff")
  assert.deepEqual([failure?.outcome, failure?.error?.errorType, failure?.error?.errorMessage], ["failed", "RangeError", "in the middle"])
  const unfinished = await bench.functions.invoke("neverEnds", {})
  assert.deepEqual([unfinished.outcome, unfinished.outcome === "failed" ? unfinished.error.errorMessage : ""], ["failed", "Response stream is not finished."])
  assert.equal((await (await bench.functions.request("/large")).text()).length, 8 * 1_048_576)
  const large = await bench.functions.invoke("large", {})
  assert.equal(large.outcome === "failed" ? large.error.errorType : "", "Function.ResponseSizeTooLarge")
})

test("a handler's task is a run of the service under test", async () => {
  const price = task("price", { input: z.object({ item: z.string() }), output: z.number(), run: async ({ item }) => item.length })
  const bench = await testService(service("shop", [price, fn("quote", "./quote.ts")]), { handlers: { quote: async (event: { item: string }) => (await price.call(event)) + 1 } })
  assert.deepEqual(await bench.functions.invoke("quote", { item: "hat" }), { outcome: "returned", payload: 4 })
})

test("a crash after any transaction loses no record of a function and tells of what was given up once", async () => {
  const app = service("shop", [fn("ship", "./ship.ts", { on: { stream: orders, batchSize: 2, maximumRetryAttempts: 2, bisectBatchOnFunctionError: true, onFailure: failed } })])
  const taken = new Set<string>()
  let most = 0
  const handler = async (event: Batch): Promise<void> => {
    for (const id of await ship(event)) taken.add(id)
  }
  await crashEverywhere(
    app,
    async (bench) => {
      taken.clear()
      await bench.send(orders, numbered(5, 2))
      await bench.crash()
      await bench.send(orders, [{ id: "last", cents: 1 }])
      await bench.advance("5m")
      most = Math.max(most, bench.transactions)
      return [...taken].toSorted()
    },
    { handlers: { ship: handler } },
  )
  assert.ok(most >= 9, String(most))
})

test("a handler is loaded from the file beside its service, once; one that is not found fails the test (MR1101)", async () => {
  const app = service("shop", [fn("echo", "./handlers/echo.ts", { on: { stream: orders } })])
  const bench = await testService(app, { file: import.meta.url })
  await bench.send(orders, [{ id: "a", cents: 1 }])
  await bench.send(orders, [{ id: "b", cents: 1 }])
  assert.deepEqual(bench.functions.invocations("echo").map(({ answer }) => answer), [1, 2])
  const lost = await testService(app)
  await assert.rejects(lost.send(orders, [{ id: "a", cents: 1 }]), { code: "MR1101", message: /function "echo": its file \.\/handlers\/echo\.ts lies beside the service's/ })
  await assert.rejects(testService(app, { handlers: { other: async () => 1 } }), { code: "MR1031" })
})

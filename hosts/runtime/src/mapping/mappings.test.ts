// Mappings on a real log: events, positions, destinations, shards that come and go.
import assert from "node:assert/strict"
import { test } from "node:test"
import { BlockCursor, type FailedBatch, type Shard, evenShards, shardId } from "@millrace/model"
import { MappingBench } from "../../test/mapping-bench.ts"

test("an event is what Lambda hands on", async (t) => {
  const bench = new MappingBench(t)
  await bench.open()
  await bench.put(["key \"1\""], { data: () => "This is a test.", headers: JSON.stringify({ partitionkey: "given ✓" }) })
  const second = Math.floor(bench.clock.now() / 1000)
  const [event] = bench.events
  const { sequenceNumber } = event?.Records[0]?.kinesis ?? assert.fail("no record")
  assert.match(sequenceNumber, /^\d{56}$/)
  assert.deepEqual(event, {
    Records: [
      {
        kinesis: {
          kinesisSchemaVersion: "1.0",
          partitionKey: "given ✓",
          sequenceNumber,
          data: "VGhpcyBpcyBhIHRlc3Qu",
          approximateArrivalTimestamp: second,
        },
        eventSource: "aws:kinesis",
        eventVersion: "1.0",
        eventID: `shardId-000000000000:${sequenceNumber}`,
        eventName: "aws:kinesis:record",
        invokeIdentityArn: "arn:aws:iam::000000000000:role/millrace",
        awsRegion: "eu-west-1",
        eventSourceARN: "arn:aws:kinesis:eu-west-1:000000000000:stream/orders",
      },
    ],
  })
})

test("an event of a window says besides whose window it is, and carries its state", async (t) => {
  const bench = new MappingBench(t)
  bench.answering = (event) => ({ state: { n: ((event["state"] as { n?: number }).n ?? 0) + event.Records.length } })
  await bench.open({ tumblingWindowMs: 60_000, batchSize: 1 })
  await bench.put(["a", "b"])
  await bench.advance(62_000)
  const bounds = { window: { start: "2026-01-01T00:00:00Z", end: "2026-01-01T00:01:00Z" }, shardId: "shardId-000000000000" }
  const shown = bench.events.map(({ Records, ...rest }) => ({ records: Records.length, ...rest }))
  const eventSourceARN = "arn:aws:kinesis:eu-west-1:000000000000:stream/orders"
  const flags = { isFinalInvokeForWindow: false, isWindowTerminatedEarly: false }
  assert.deepEqual(shown, [
    { records: 1, ...bounds, state: {}, eventSourceARN, ...flags },
    { records: 1, ...bounds, state: { n: 1 }, eventSourceARN, ...flags },
    { records: 0, ...bounds, state: { n: 2 }, eventSourceARN, ...flags, isFinalInvokeForWindow: true },
  ])
})

test("what was done stays done when the node stops, and when it is killed and all that is durable remains", async (t) => {
  const bench = new MappingBench(t)
  await bench.open({ batchSize: 2 })
  await bench.put(["a", "b", "c"])
  for (const cleanly of [true, false]) {
    await bench.restart({ batchSize: 2 }, cleanly)
    await bench.put(["d"])
  }
  assert.deepEqual(bench.keys, [["a", "b"], ["c"], ["d"], ["d"]])
})

test("attempts and splits outlive the process", async (t) => {
  const bench = new MappingBench(t)
  const settings = { batchSize: 2, maximumRetryAttempts: 2, bisectBatchOnFunctionError: true, onFailure: { kind: "stream", stream: "failed" } } as const
  bench.stream("failed", 1, { format: "json" })
  bench.answering = ({ Records }) => (Records.some(({ kinesis }) => kinesis.partitionKey === "bad") ? new Error("no") : null)
  await bench.open(settings)
  await bench.put(["good", "bad"])
  for (let i = 0; i < 8; i++) {
    await bench.restart(settings, i % 2 === 0)
    await bench.advance(1_000)
  }
  assert.equal(bench.keys.filter((keys) => keys.length === 2).length, 1)
  assert.equal(bench.keys.filter((keys) => keys[0] === "bad").length, 3)
  assert.equal((await failedOf(bench)).length, 1)
})

async function failedOf(bench: MappingBench): Promise<FailedBatch[]> {
  const all: FailedBatch[] = []
  for (const { block } of await bench.store.read("failed", 0, 0, 10_000_000)) {
    for (const cursor = new BlockCursor(block); cursor.next(); ) all.push(JSON.parse(Buffer.from(cursor.value).toString()) as FailedBatch)
  }
  return all
}

test("a stream gets what was given up, as Lambda writes it and with the batch, in the commit that passes over it", async (t) => {
  const bench = new MappingBench(t)
  bench.stream("failed", 1, { format: "json" })
  bench.answering = () => new Error("no")
  await bench.open({ maximumRetryAttempts: 1, onFailure: { kind: "stream", stream: "failed" } })
  await bench.put(["a", "b"])
  await bench.advance(10_000)
  const [failed, ...others] = await failedOf(bench)
  assert.deepEqual(others, [])
  const [first, last] = bench.events[0]?.Records ?? []
  assert.deepEqual(failed, {
    requestContext: {
      requestId: "request 2",
      functionArn: "arn:aws:lambda:eu-west-1:000000000000:function:ship",
      condition: "RetryAttemptsExhausted",
      approximateInvokeCount: 2,
    },
    responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
    version: "1.0",
    timestamp: "2026-01-01T00:00:01.000Z",
    KinesisBatchInfo: {
      shardId: "shardId-000000000000",
      startSequenceNumber: first?.kinesis.sequenceNumber,
      endSequenceNumber: last?.kinesis.sequenceNumber,
      approximateArrivalOfFirstRecord: "2026-01-01T00:00:00.000Z",
      approximateArrivalOfLastRecord: "2026-01-01T00:00:00.000Z",
      batchSize: 2,
      streamArn: "arn:aws:kinesis:eu-west-1:000000000000:stream/orders",
    },
    payload: { Records: bench.events[0]?.Records },
  })
  await bench.restart({ maximumRetryAttempts: 1, onFailure: { kind: "stream", stream: "failed" } }, false)
  assert.equal((await failedOf(bench)).length, 1)
  assert.equal(bench.events.length, 2)
})

test("a failed batch that is larger than a record of a stream goes in parts, in its order", async (t) => {
  const bench = new MappingBench(t)
  bench.stream("failed", 1, { format: "json" })
  bench.answering = () => new Error("no")
  await bench.open({ maximumRetryAttempts: 0, onFailure: { kind: "stream", stream: "failed" } })
  const keys = ["a", "b", "c", "d", "e"]
  await bench.put(keys, { data: (key) => key.repeat(key === "e" ? 1_048_576 : 300_000) })
  const failed = await failedOf(bench)
  assert.deepEqual(
    failed.map(({ payload, KinesisBatchInfo }) => [payload.Records.map(({ kinesis }) => kinesis.partitionKey).join(""), KinesisBatchInfo.batchSize]),
    [
      ["ab", 2],
      ["cd", 2],
      ["e", 1],
    ],
  )
})

test("what is given up by its age has no responseContext; partial failures have no functionError", async (t) => {
  const bench = new MappingBench(t)
  bench.stream("failed", 1, { format: "json" })
  await bench.open({ maximumRecordAgeMs: 60_000, maximumRetryAttempts: 0, reportBatchItemFailures: true, onFailure: { kind: "stream", stream: "failed" } })
  await bench.put(["old"], { time: bench.clock.now() - 60_001 })
  bench.answering = ({ Records }) => ({ batchItemFailures: [{ itemIdentifier: Records[1]?.kinesis.sequenceNumber }] })
  await bench.put(["good", "bad"])
  const [aged, partial] = await failedOf(bench)
  assert.equal(aged?.requestContext.condition, "RecordAgeExceeded")
  assert.equal(aged !== undefined && "responseContext" in aged, false)
  assert.equal(partial?.responseContext?.functionError, null)
  assert.deepEqual(
    partial?.payload.Records.map(({ kinesis }) => kinesis.partitionKey),
    ["bad"],
  )
})

test("S3 gets an object under Lambda's name, the same one after a crash, and is asked until it takes it", async (t) => {
  const bench = new MappingBench(t)
  const settings = { maximumRetryAttempts: 0, onFailure: { kind: "s3", to: "s3://bucket/failed" } } as const
  bench.answering = () => new Error("no")
  bench.refusals = 3
  await bench.open(settings)
  await bench.put(["a"])
  assert.equal(bench.objects.size, 0)
  await bench.restart(settings, false)
  await bench.advance(5_000)
  const [[name, text] = ["", "{}"], ...others] = bench.objects
  assert.deepEqual(others, [])
  assert.match(name, /^aws\/lambda\/[0-9a-f-]{36}\/shardId-000000000000\/2026\/01\/01\/2026-01-01T00\.00\.00-[0-9a-f-]{36}$/)
  assert.equal((JSON.parse(text) as FailedBatch).payload.Records[0]?.kinesis.partitionKey, "a")
  assert.deepEqual(bench.puts, [true], "that it is given up was durable")
  assert.equal(bench.events.length, 1)
})

test("records that fit no filter are not for the function", async (t) => {
  const bench = new MappingBench(t)
  await bench.open({ filters: ['{"data":{"key":[{"prefix":"a"}]}}'] })
  await bench.put(["a1", "b1", "a2"])
  await bench.put(["text"], { data: () => "no json" })
  assert.deepEqual(bench.keys, [["a1", "a2"]])
  const [status] = bench.mappings.status()
  assert.equal(status?.figures.filteredOut, 2)
  assert.equal(bench.mappings.isIdle, true)
})

test("LATEST begins behind what there is, AT_TIMESTAMP where that is, and only for the first time", async (t) => {
  const latest = new MappingBench(t)
  await latest.open({ enabled: false })
  await latest.put(["a"])
  await latest.restart({ startingPosition: { kind: "LATEST" } })
  await latest.put(["b"])
  await latest.restart({ enabled: false, startingPosition: { kind: "LATEST" } })
  await latest.put(["c"])
  await latest.restart({ startingPosition: { kind: "LATEST" } })
  assert.deepEqual(latest.keys, [["b"], ["c"]])
  const timed = new MappingBench(t)
  await timed.open({ enabled: false })
  await timed.put(["a", "b", "c"])
  await timed.restart({ startingPosition: { kind: "AT_TIMESTAMP", at: timed.clock.now() } })
  assert.deepEqual(timed.keys, [["c"]])
})

test("a mapping of a stream that is not there waits for it", async (t) => {
  const bench = new MappingBench(t)
  await bench.open({ stream: "later" })
  assert.equal(bench.mappings.status()[0]?.state, "Waiting")
  bench.stream("later", 1)
  bench.mappings.refresh()
  await bench.put(["a"], { stream: "later" })
  assert.deepEqual(bench.keys, [["a"]])
})

test("children of a split begin once their parent is done, and after a restart too", async (t) => {
  const bench = new MappingBench(t)
  await bench.open({ batchSize: 1 })
  bench.answering = () => new Error("not yet")
  await bench.put(["a", "b"])
  const split = (shards: readonly Shard[]): readonly Shard[] => {
    const parent = shards[0] ?? assert.fail("no shard")
    const { from, to } = parent
    const middle = (from + to) / 2n
    const openedAt = bench.clock.now() + 1_000
    return [
      { ...parent, end: 2, closedAt: openedAt },
      { partition: 1, from, to: middle, begin: 0, openedAt, parent: 0 },
      { partition: 2, from: middle + 1n, to, begin: 0, openedAt, parent: 0 },
    ]
  }
  await bench.reshard("orders", split)
  await bench.put(["c"], { partition: 1 })
  await bench.put(["d"], { partition: 2 })
  await bench.restart({ batchSize: 1 })
  assert.deepEqual(new Set(bench.keys.flat()), new Set(["a"]))
  bench.answering = () => null
  await bench.advance(60_000)
  const order = bench.keys.flat().filter((key, i, all) => all.indexOf(key) === i)
  assert.deepEqual(order.slice(0, 2), ["a", "b"])
  assert.deepEqual(new Set(order.slice(2)), new Set(["c", "d"]))
  assert.ok(bench.events.some(({ Records }) => Records[0]?.eventID.startsWith(shardId(2))))
  await bench.restart({ batchSize: 1 }, false)
  assert.equal(new Set(bench.keys.flat()).size, 4)
  assert.equal(bench.mappings.isIdle, true)
})

test("retention leaves what a mapping has not done, unless the mapping is disabled", async (t) => {
  const bench = new MappingBench(t)
  await bench.open()
  bench.answering = () => new Error("no")
  await bench.put(["a"])
  assert.equal(bench.mappings.neededFrom("orders", 0), 0)
  bench.answering = () => null
  await bench.advance(5_000)
  await bench.restart()
  assert.equal(bench.mappings.neededFrom("orders", 0), 1)
  await bench.restart({ enabled: false })
  assert.equal(bench.mappings.neededFrom("orders", 0), Number.POSITIVE_INFINITY)
})

test("throttled invocations are tried again and count for nothing", async (t) => {
  const bench = new MappingBench(t)
  let left = 3
  bench.answering = () => (left-- > 0 ? "throttled" : null)
  await bench.open({ maximumRetryAttempts: 0 })
  await bench.put(["a"])
  await bench.advance(10_000)
  assert.equal(bench.events.length, 4)
  assert.deepEqual(bench.mappings.status()[0]?.figures.dropped, 0)
})

test("events under way stay within the room that all mappings share", async (t) => {
  const bench = new MappingBench(t)
  bench.stream("orders", 8)
  bench.answering = () => undefined
  await bench.open({ batchSize: 10 })
  for (let partition = 0; partition < 8; partition++) {
    await bench.put(
      Array.from({ length: 10 }, (_, i) => `k${i}`),
      { partition, data: () => "x".repeat(1_000_000) },
    )
  }
  assert.ok(bench.room.used <= 50_000_000)
  assert.ok(bench.events.length >= 3 && bench.events.length < 20, `${bench.events.length} under way`)
})

test("what was given up is redriven in its order, once, and stops at what fails again", async (t) => {
  const bench = new MappingBench(t)
  const settings = { batchSize: 2, maximumRetryAttempts: 0, reportBatchItemFailures: true, onFailure: { kind: "stream", stream: "failed" } } as const
  bench.stream("failed", 2, { format: "json" })
  bench.answering = () => new Error("down")
  await bench.open(settings)
  const other = { requestContext: { functionArn: "arn:aws:lambda:eu-west-1:000000000000:function:other" } }
  await bench.put(["other"], { stream: "failed", data: () => JSON.stringify(other) })
  await bench.put(["a", "b", "c", "d", "e"])
  assert.equal(bench.events.length, 3)
  const { signal } = new AbortController()
  bench.answering = ({ Records }) => {
    const bad = Records.find(({ kinesis }) => kinesis.partitionKey === "d")
    return { batchItemFailures: bad === undefined ? [] : [{ itemIdentifier: bad.kinesis.sequenceNumber }] }
  }
  const first = await bench.mappings.redrive("ship", signal)
  assert.deepEqual([first.batches, first.records, first.waiting, first.failures.length], [1, 3, 2, 1])
  assert.match(first.failures[0]?.reason ?? "", /^the function named a record that failed: \d{56}$/)
  await bench.restart(settings)
  bench.answering = () => null
  const second = await bench.mappings.redrive("ship", signal)
  assert.deepEqual([second.batches, second.records, second.waiting, second.failures], [2, 2, 0, []])
  assert.deepEqual(bench.keys.slice(3), [["a", "b"], ["c", "d"], ["d"], ["e"]])
  const third = await bench.mappings.redrive("ship", signal)
  assert.equal(third.batches, 0)
})

test("a redrive of a function takes what all its mappings gave up, one after the other, or one stream's alone", async (t) => {
  const bench = new MappingBench(t)
  const settings = { maximumRetryAttempts: 0, onFailure: { kind: "stream", stream: "failed" } } as const
  bench.stream("failed", 1, { format: "json" })
  for (const name of ["clicks", "views", "likes"]) bench.stream(name, 1)
  bench.answering = () => new Error("down")
  await bench.open(settings)
  await bench.mappings.make("ship", { stream: "clicks", maximumRetryAttempts: 0, onFailure: { s3: "s3://failed" } })
  await bench.mappings.make("ship", { stream: "views", maximumRetryAttempts: 0, onFailure: { sqs: "arn:aws:sqs:eu-west-1:123456789012:failed" } })
  await bench.rest()
  // What another mapping of the same function gave up to the same stream is not this one's.
  const other = { requestContext: { functionArn: "arn:aws:lambda:eu-west-1:000000000000:function:ship" }, KinesisBatchInfo: { streamArn: "arn:aws:kinesis:eu-west-1:000000000000:stream/gone" } }
  await bench.put(["other"], { stream: "failed", data: () => JSON.stringify(other) })
  for (const stream of ["orders", "clicks", "views"]) for (const key of ["a", "b"]) await bench.put([`${stream} ${key}`], { stream })
  const given = bench.events.length
  const { signal } = new AbortController()
  bench.answering = ({ Records }) => (Records[0]?.kinesis.partitionKey === "orders b" ? new Error("down") : null)
  const clicks = await bench.mappings.redrive("ship", signal, "clicks")
  assert.deepEqual([clicks.batches, bench.keys.slice(given)], [2, [["clicks a"], ["clicks b"]]])
  await bench.put(["clicks c"], { stream: "clicks" })
  bench.answering = ({ Records }) => (["orders b", "clicks d"].includes(Records[0]?.kinesis.partitionKey ?? "") ? new Error("down") : null)
  await bench.put(["clicks d"], { stream: "clicks" })
  const before = bench.events.length
  const first = await bench.mappings.redrive("ship", signal)
  assert.deepEqual([first.batches, first.records, first.waiting], [1, 1, 2])
  assert.deepEqual(first.failures.map(({ stream, reason }) => [stream, reason]), [["orders", "Error: down"], ["clicks", "Error: down"]])
  bench.answering = () => null
  const second = await bench.mappings.redrive("ship", signal)
  assert.deepEqual([second.batches, second.waiting, second.failures], [2, 0, []])
  assert.deepEqual(bench.keys.slice(before), [["orders a"], ["orders b"], ["clicks d"], ["orders b"], ["clicks d"]])
  await assert.rejects(bench.mappings.redrive("ship", signal, "views"), { code: "MR1009", message: /its mapping of "views"/ })
  await assert.rejects(bench.mappings.redrive("ship", signal, "likes"), { code: "MR1031", message: 'Stream "likes" does not feed function "ship". It is fed by: orders, clicks, views.' })
})

test("a queue or a topic is told what S3 is, without the batch, once that it is given up is durable", async (t) => {
  const bench = new MappingBench(t)
  bench.answering = () => new Error("no")
  const onFailure = { kind: "sqs", to: "arn:aws:sqs:eu-west-1:123456789012:failed" } as const
  await bench.open({ maximumRetryAttempts: 0, onFailure })
  await bench.put(["a", "b"])
  const [text = "", ...more] = bench.messages
  const { payload, ...told } = JSON.parse(text) as Partial<FailedBatch>
  assert.deepEqual([payload, more], [undefined, []])
  assert.deepEqual(Object.keys(told), ["requestContext", "responseContext", "version", "timestamp", "KinesisBatchInfo"])
  assert.deepEqual([told.requestContext?.condition, told.KinesisBatchInfo?.batchSize], ["RetryAttemptsExhausted", 2])
  assert.equal(bench.mappings.status()[0]?.figures.delivered, 2)
  await assert.rejects(bench.mappings.redrive("ship", new AbortController().signal), { code: "MR1009" })
})

test("what a FIFO queue is told of one shard is one group, and what is told again has the same id", async (t) => {
  const bench = new MappingBench(t)
  bench.stream("orders", 2)
  bench.answering = () => new Error("no")
  await bench.open({ batchSize: 1, maximumRetryAttempts: 0, onFailure: { kind: "sqs", to: "arn:aws:sqs:eu-west-1:123456789012:failed.fifo" } })
  // Taken, but the answer does not come: it is told again.
  bench.refusals = 1
  await bench.put(["a", "b"])
  await bench.put(["x"], { partition: 1 })
  await bench.advance(1_000)
  const uuid = bench.mappings.status()[0]?.uuid
  const told = bench.messages.map((text, i) => ({ shard: (JSON.parse(text) as FailedBatch).KinesisBatchInfo.shardId, group: bench.messageGroups[i], id: bench.messageIds[i] }))
  for (const { shard, group } of told) assert.equal(group, `${uuid}/${shard}`)
  const ids = (shard: string): (string | undefined)[] => told.filter((each) => each.shard === shard).map(({ id }) => id)
  const [first, again, second, ...more] = ids("shardId-000000000000")
  assert.deepEqual([first === again, first === second, more, ids("shardId-000000000001").length], [true, false, [], 1])
})

test("what lies in S3 is redriven in each shard's order, goes from there, and stops at what fails again", async (t) => {
  const bench = new MappingBench(t)
  const settings = { batchSize: 2, maximumRetryAttempts: 0, reportBatchItemFailures: true, onFailure: { kind: "s3", to: "s3://failed" } } as const
  bench.stream("orders", 2)
  bench.answering = () => new Error("down")
  await bench.open(settings)
  // Five batches of one second, whose names tell no order.
  await bench.put(["a", "b", "c", "d", "e", "f", "g", "h", "i"])
  await bench.put(["x"], { partition: 1 })
  assert.equal(bench.objects.size, 6)
  bench.objects.set("aws/lambda/00000000-0000-0000-0000-000000000000/shardId-000000000000/2026/01/01/other", "{}")
  const given = bench.events.length
  const { signal } = new AbortController()
  bench.answering = ({ Records }) => {
    const bad = Records.find(({ kinesis }) => kinesis.partitionKey === "d")
    return { batchItemFailures: bad === undefined ? [] : [{ itemIdentifier: bad.kinesis.sequenceNumber }] }
  }
  const first = await bench.mappings.redrive("ship", signal)
  assert.deepEqual([first.batches, first.records, first.waiting, first.failures.map(({ partition, shardId }) => [partition, shardId])], [2, 4, 4, [[0, "shardId-000000000000"]]])
  assert.match(first.failures[0]?.reason ?? "", /^the function named a record that failed: \d{56}$/)
  const left = [...bench.objects.values()].map((text) => JSON.parse(text) as FailedBatch).find(({ payload }) => payload?.Records[0]?.kinesis.partitionKey === "d")
  assert.deepEqual([left?.KinesisBatchInfo.batchSize, left?.KinesisBatchInfo.startSequenceNumber], [1, left?.payload.Records[0]?.kinesis.sequenceNumber])
  bench.answering = () => null
  const second = await bench.mappings.redrive("ship", signal)
  assert.deepEqual([second.batches, second.records, second.waiting, second.failures], [4, 6, 0, []])
  assert.deepEqual(bench.keys.slice(given), [["a", "b"], ["c", "d"], ["x"], ["d"], ["e", "f"], ["g", "h"], ["i"]])
  assert.equal((await bench.mappings.redrive("ship", signal)).batches, 0)
  assert.equal(bench.objects.size, 1)
})

test("an object that holds no failed batch stops its shard's redrive, with its name", async (t) => {
  const bench = new MappingBench(t)
  await bench.open({ onFailure: { kind: "s3", to: "s3://failed" } })
  const name = `aws/lambda/${bench.mappings.status()[0]?.uuid}/shardId-000000000003/2026/01/01/2026-01-01T00.00.00-00000000-0000-0000-0000-000000000000`
  for (const text of ["{", "null", '{"payload":{}}', '{"payload":{"Records":[]},"KinesisBatchInfo":{}}']) {
    bench.objects.set(name, text)
    const { failures } = await bench.mappings.redrive("ship", new AbortController().signal)
    assert.deepEqual(failures, [{ stream: "orders", partition: 3, shardId: "shardId-000000000003", reason: `the object ${name} is none of Lambda's failed batches` }])
  }
})

test("a redrive without a destination that is kept, or of no function, says so (MR1009, MR1031)", async (t) => {
  const bench = new MappingBench(t)
  await bench.open()
  const { signal } = new AbortController()
  await assert.rejects(bench.mappings.redrive("ship", signal), { code: "MR1009" })
  await assert.rejects(bench.mappings.redrive("nobody", signal), { code: "MR1031", message: 'There is no function "nobody". There are: ship.' })
})

test("shards of one mapping wait for the function's own concurrency rather than throttle each other", async (t) => {
  const bench = new MappingBench(t)
  bench.stream("orders", 4)
  bench.concurrency = 2
  bench.answering = () => undefined
  await bench.open({ batchSize: 1 })
  for (let partition = 0; partition < 4; partition++) await bench.put(["a", "b"], { partition })
  assert.equal(bench.events.length, 2)
})

test("a disk that refuses stops mappings, and they go on from what is durable", async (t) => {
  const bench = new MappingBench(t)
  await bench.open({ batchSize: 1 })
  bench.answering = () => undefined
  await bench.put(["a", "b"])
  bench.mappings.halt()
  await bench.put(["c"])
  assert.equal(bench.events.length, 1)
  bench.answering = () => null
  bench.mappings.resume()
  await bench.rest()
  assert.deepEqual(bench.keys, [["a"], ["a"], ["b"], ["c"]])
})

test("a stream that was deleted and made again is another one: its mapping begins at its beginning", async (t) => {
  const bench = new MappingBench(t)
  await bench.open()
  await bench.put(["a", "b"])
  bench.streams.delete("orders")
  bench.facts.delete("orders")
  bench.mappings.refresh()
  assert.equal(bench.mappings.status()[0]?.state, "Waiting")
  await bench.advance(60_000)
  bench.stream("orders", 1)
  const from = (partition: number): number => bench.store.extent("orders", partition).next
  await bench.reshard("orders", () => evenShards(1, bench.clock.now(), from))
  await bench.put(["c"])
  await bench.restart()
  await bench.put(["d"])
  assert.deepEqual(bench.keys, [["a", "b"], ["c"], ["d"]])
})

test("children of a split begin a window of their own, with an empty state, once their parent's window is closed", async (t) => {
  const bench = new MappingBench(t)
  bench.answering = (event) => ({ state: { n: ((event["state"] as { n?: number }).n ?? 0) + event.Records.length } })
  await bench.open({ tumblingWindowMs: 600_000 })
  await bench.put(["a", "b"])
  await bench.reshard("orders", (shards) => {
    const parent = shards[0] ?? assert.fail("no shard")
    const openedAt = bench.clock.now() + 1_000
    return [
      { ...parent, end: 2, closedAt: openedAt },
      { partition: 1, from: parent.from, to: parent.to, begin: 0, openedAt, parent: 0 },
    ]
  })
  await bench.put(["c"], { partition: 1 })
  const shown = bench.events.map(({ Records, ...event }) => [event["shardId"], Records.length, event["state"], event["isFinalInvokeForWindow"]])
  assert.deepEqual(shown, [
    [shardId(0), 2, {}, false],
    [shardId(0), 0, { n: 2 }, true],
    [shardId(1), 1, {}, false],
  ])
})

test("a failing batch stops its own shard and no other, and that it fails is told until it is done", async (t) => {
  const bench = new MappingBench(t)
  bench.stream("orders", 2)
  bench.answering = ({ Records }) => (Records.some(({ kinesis }) => kinesis.partitionKey === "bad") ? new Error("no") : null)
  await bench.open({ batchSize: 1 })
  await bench.put(["bad", "behind"])
  await bench.put(["a", "b"], { partition: 1 })
  await bench.advance(3_000)
  assert.deepEqual([new Set(bench.keys.flat()), bench.mappings.status()[0]?.isFailing], [new Set(["bad", "a", "b"]), true])
  bench.answering = () => null
  await bench.advance(60_000)
  assert.deepEqual([bench.keys.at(-1), bench.mappings.status()[0]?.isFailing], [["behind"], false])
})

test("records are counted as Lambda's metrics count events", async (t) => {
  const bench = new MappingBench(t)
  bench.stream("failed", 1, { format: "json" })
  bench.answering = ({ Records }) => (Records[0]?.kinesis.partitionKey === "bad" ? new Error("no") : null)
  await bench.open({ batchSize: 2, maximumRetryAttempts: 1, filters: ['{"data":{"key":[{"anything-but":"out"}]}}'], onFailure: { kind: "stream", stream: "failed" } })
  await bench.put(["bad", "worse", "out", "good"], { time: bench.clock.now() - 5_000 })
  await bench.advance(10_000)
  const { polled, filteredOut, invoked, failedInvoke, dropped, delivered, iteratorAgeMs } = bench.mappings.status()[0]?.figures ?? assert.fail("no mapping")
  assert.deepEqual({ polled, filteredOut, invoked, failedInvoke, dropped, delivered }, { polled: 4, filteredOut: 1, invoked: 5, failedInvoke: 4, dropped: 2, delivered: 2 })
  assert.equal(iteratorAgeMs, 6_000)
  const names = bench.mappings.samples().map(({ name, values }) => [name, values[0]?.value])
  assert.ok(names.some(([name, value]) => name === "millrace_mapping_dropped_events_total" && value === 2), JSON.stringify(names))
})

test("a shard that is split while it is read ends there, and its children go on", async (t) => {
  const bench = new MappingBench(t)
  await bench.open({ batchingWindowMs: 60_000 })
  await bench.put(["a"])
  await bench.reshard("orders", (shards) => {
    const parent = shards[0] ?? assert.fail("no shard")
    const openedAt = bench.clock.now() + 1_000
    return [
      { ...parent, end: 1, closedAt: openedAt },
      { partition: 1, from: parent.from, to: parent.to, begin: 0, openedAt, parent: 0 },
    ]
  })
  await bench.put(["b"], { partition: 1 })
  assert.deepEqual(bench.keys, [["a"]])
  await bench.advance(60_000)
  assert.deepEqual(bench.keys, [["a"], ["b"]])
})

test("what the log has let go of while a mapping was disabled, or while a batch was retried, is passed over", async (t) => {
  const bench = new MappingBench(t)
  const data = (): string => "x".repeat(900_000)
  await bench.open()
  bench.answering = () => new Error("no")
  await bench.put(["a"], { data })
  await bench.put(["b"], { data })
  await bench.put(["c"], { data })
  await bench.store.fold()
  await bench.store.sweep(() => false)
  const { first, durable } = bench.store.extent("orders", 0)
  assert.ok(first > 0 && first < durable)
  bench.answering = () => null
  await bench.advance(10_000)
  assert.equal(bench.mappings.isIdle, true)
  assert.ok((bench.mappings.status()[0]?.figures.dropped ?? 0) > 0)
  await bench.restart({ enabled: false })
  for (const key of ["d", "e", "f"]) await bench.put([key], { data })
  await bench.store.fold()
  await bench.store.sweep(() => false)
  await bench.restart()
  assert.equal(bench.mappings.isIdle, true)
  assert.deepEqual(bench.keys.at(-1)?.includes("f"), true)
  assert.deepEqual(bench.errors, [])
})

test("the end of a stream is no record", async (t) => {
  const bench = new MappingBench(t)
  await bench.open()
  await bench.put(["a"])
  await bench.mark("orders")
  assert.deepEqual(bench.keys, [["a"]])
  assert.equal(bench.mappings.isIdle, true)
})

test("what is on its way to the disk when a mapping opens is read once it is there", async (t) => {
  const bench = new MappingBench(t)
  await bench.open()
  await bench.store.fold()
  bench.mappings.halt()
  const put = bench.put(["a"])
  bench.mappings.resume()
  const { durable, next } = bench.store.extent("orders", 0)
  assert.deepEqual([durable, next], [0, 1])
  await put
  assert.deepEqual(bench.keys, [["a"]])
})

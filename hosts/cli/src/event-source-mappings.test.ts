// AWS's own client for JavaScript before the node's API of Lambda: the mappings of its services, and mappings that it makes.
import assert from "node:assert/strict"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { after, before, test } from "node:test"
import { CreateStreamCommand, DeregisterStreamConsumerCommand, KinesisClient, PutRecordCommand, RegisterStreamConsumerCommand } from "@aws-sdk/client-kinesis"
import {
  CreateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from "@aws-sdk/client-lambda"
import { workplace } from "../test/cli.ts"
import { type RunningNode, startNode } from "./node.ts"

let place: ReturnType<typeof workplace>
let node: RunningNode
let lambda: LambdaClient
let kinesis: KinesisClient

const serviceText = (enabled: boolean): string => `
import { fn, service, stream } from "millrace"
export default service("shop", [
  fn("ship", "./handler.mjs", {
    env: { TAKEN: ${JSON.stringify(path.join(place.dir, "shipped"))} },
    on: { stream: stream("orders", { partitions: 1 }), enabled: ${enabled}, batchSize: 7, filters: [{ data: { n: [{ numeric: [">", 0] }] } }], onFailure: stream("failed") },
  }),
  fn("count", "./handler.mjs", { env: { TAKEN: ${JSON.stringify(path.join(place.dir, "counted"))} } }),
])
`

const handlerText = `
import fs from "node:fs"
export const handler = async ({ Records }) => {
  for (const { kinesis } of Records) fs.appendFileSync(process.env.TAKEN, Buffer.from(kinesis.data, "base64") + "\\n")
}
`

const serviceFile = (): string => path.join(place.dir, "service.ts")

async function open(): Promise<void> {
  node = await startNode({ files: [serviceFile()], dataDir: path.join(place.dir, "data"), port: 0, workers: 1, log: "silent" })
  const shared = { endpoint: node.url, region: "eu-west-1", credentials: { accessKeyId: "any", secretAccessKey: "any" }, maxAttempts: 1 }
  lambda = new LambdaClient(shared)
  kinesis = new KinesisClient(shared)
}

async function close(): Promise<void> {
  lambda.destroy()
  kinesis.destroy()
  await node.close()
}

before(async () => {
  place = workplace()
  writeFileSync(serviceFile(), serviceText(true))
  writeFileSync(path.join(place.dir, "handler.mjs"), handlerText)
  await open()
  await kinesis.send(new CreateStreamCommand({ StreamName: "clicks", ShardCount: 1 }))
})

after(async () => {
  await close()
  place.remove()
})

const arn = (stream: string): string => `arn:aws:kinesis:eu-west-1:000000000000:stream/${stream}`

async function put(stream: string, n: number): Promise<void> {
  await kinesis.send(new PutRecordCommand({ StreamName: stream, PartitionKey: "k", Data: Buffer.from(JSON.stringify({ n })) }))
}

/** Waits until nothing is left to do; a mapping that is paused has nothing. */
async function idle(): Promise<void> {
  for (const from = performance.now(); !node.status().idle; ) {
    assert.ok(performance.now() - from < 20_000, "it does not come to rest")
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function taken(name: string): number[] {
  const file = path.join(place.dir, name)
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1).map((line) => (JSON.parse(line) as { n: number }).n) : []
}

async function listed(given: { readonly FunctionName?: string; readonly EventSourceArn?: string } = {}): Promise<readonly (string | undefined)[]> {
  const { EventSourceMappings = [] } = await lambda.send(new ListEventSourceMappingsCommand(given))
  return EventSourceMappings.map(({ UUID }) => UUID)
}

const make = (given: Partial<CreateEventSourceMappingCommandInput>): CreateEventSourceMappingCommand =>
  new CreateEventSourceMappingCommand({ FunctionName: "count", EventSourceArn: arn("clicks"), StartingPosition: "TRIM_HORIZON", ...given })

test("a mapping that a service defines is shown as Lambda shows it", async () => {
  const [uuid] = await listed()
  const { $metadata: _, ...shown } = await lambda.send(new GetEventSourceMappingCommand({ UUID: uuid }))
  assert.deepEqual(shown, {
    UUID: uuid,
    StartingPosition: "TRIM_HORIZON",
    BatchSize: 7,
    MaximumBatchingWindowInSeconds: 0,
    ParallelizationFactor: 1,
    EventSourceArn: arn("orders"),
    EventSourceMappingArn: `arn:aws:lambda:eu-west-1:000000000000:event-source-mapping:${uuid}`,
    FunctionArn: "arn:aws:lambda:eu-west-1:000000000000:function:ship",
    LastModified: new Date(0),
    LastProcessingResult: "No records processed",
    State: "Enabled",
    StateTransitionReason: "User action",
    DestinationConfig: { OnFailure: { Destination: arn("failed") } },
    FilterCriteria: { Filters: [{ Pattern: '{"data":{"n":[{"numeric":[">",0]}]}}' }] },
    MaximumRecordAgeInSeconds: -1,
    BisectBatchOnFunctionError: false,
    MaximumRetryAttempts: -1,
    TumblingWindowInSeconds: 0,
    FunctionResponseTypes: [],
  })
  assert.deepEqual(await listed({ FunctionName: "count" }), [])
  assert.deepEqual(await listed({ FunctionName: "arn:aws:lambda:eu-west-1:000000000000:function:ship", EventSourceArn: arn("orders") }), [uuid])
  assert.deepEqual(await listed({ EventSourceArn: arn("clicks") }), [])
})

test("a paused mapping keeps its position, also through a restart, until it is resumed or its service says otherwise", async () => {
  const [UUID] = await listed({ FunctionName: "ship" })
  await put("orders", 1)
  await idle()
  const paused = await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }))
  assert.equal(paused.State, "Disabling")
  await put("orders", 2)
  await close()
  await open()
  await put("orders", 3)
  await idle()
  assert.deepEqual([taken("shipped"), (await lambda.send(new GetEventSourceMappingCommand({ UUID }))).State], [[1], "Disabled"])
  const resumed = await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: true }))
  assert.equal(resumed.State, "Enabling")
  await idle()
  assert.deepEqual(taken("shipped"), [1, 2, 3])
  assert.equal((await lambda.send(new GetEventSourceMappingCommand({ UUID }))).LastProcessingResult, "OK")
  // The service says that it is off: that is newer than what was said over the API.
  writeFileSync(serviceFile(), serviceText(false))
  await close()
  await open()
  assert.equal((await lambda.send(new GetEventSourceMappingCommand({ UUID }))).State, "Disabled")
  writeFileSync(serviceFile(), serviceText(true))
  await node.deploy([serviceFile()])
})

test("a mapping that was made over the API feeds its function, survives a restart, is changed, and goes", async () => {
  await put("clicks", 1)
  const made = await lambda.send(make({ BatchSize: 3, MaximumRetryAttempts: 1, MaximumRecordAgeInSeconds: 60, DestinationConfig: { OnFailure: { Destination: "arn:aws:s3:::lake" } } }))
  const { UUID } = made
  assert.deepEqual([made.State, made.BatchSize, made.MaximumRecordAgeInSeconds, made.DestinationConfig], ["Creating", 3, 60, { OnFailure: { Destination: "arn:aws:s3:::lake" } }])
  await idle()
  assert.deepEqual(taken("counted"), [1])
  await close()
  await open()
  await put("clicks", 2)
  await idle()
  assert.deepEqual(taken("counted"), [1, 2])
  const changed = await lambda.send(new UpdateEventSourceMappingCommand({ UUID, BatchSize: 5, FunctionResponseTypes: ["ReportBatchItemFailures"], FilterCriteria: { Filters: [{ Pattern: '{"data":{"n":[4]}}' }] } }))
  assert.deepEqual([changed.State, changed.BatchSize, changed.MaximumRetryAttempts, changed.FunctionResponseTypes], ["Updating", 5, 1, ["ReportBatchItemFailures"]])
  await put("clicks", 3)
  await put("clicks", 4)
  await idle()
  assert.deepEqual(taken("counted"), [1, 2, 4])
  assert.equal((await lambda.send(new DeleteEventSourceMappingCommand({ UUID }))).State, "Deleting")
  await put("clicks", 4)
  await close()
  await open()
  await idle()
  assert.deepEqual([taken("counted"), await listed({ FunctionName: "count" })], [[1, 2, 4], []])
  await assert.rejects(lambda.send(new GetEventSourceMappingCommand({ UUID })), { name: "ResourceNotFoundException" })
})

test("a mapping whose function is not deployed is listed with why it rests, is changed, paused and removed, and goes on once it is", async () => {
  const { UUID } = await lambda.send(make({ StartingPosition: "LATEST", BatchSize: 3 }))
  const gone = await lambda.send(make({ FunctionName: "ship", StartingPosition: "LATEST" }))
  await idle()
  const before = taken("counted").length
  const bare = path.join(place.dir, "bare.ts")
  writeFileSync(bare, 'import { fn, service } from "millrace"\nexport default service("shop", [fn("other", "./handler.mjs")])\n')
  await node.deploy([bare])
  await put("clicks", 6)
  const rests = await lambda.send(new GetEventSourceMappingCommand({ UUID }))
  assert.deepEqual([rests.State, rests.LastProcessingResult, rests.BatchSize], ["Enabling", "PROBLEM: Function not found", 3])
  assert.equal(rests.StateTransitionReason, 'There is no function "count". There are: other.')
  assert.deepEqual(new Set(await listed()), new Set([UUID, gone.UUID]))
  assert.equal((await lambda.send(new UpdateEventSourceMappingCommand({ UUID, BatchSize: 4 }))).BatchSize, 4)
  assert.equal((await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }))).State, "Disabling")
  assert.equal((await lambda.send(new GetEventSourceMappingCommand({ UUID }))).State, "Disabled")
  await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: true }))
  assert.equal((await lambda.send(new DeleteEventSourceMappingCommand({ UUID: gone.UUID }))).State, "Deleting")
  await node.deploy([serviceFile()])
  await idle()
  assert.deepEqual(taken("counted").slice(before), [6])
  const { State, BatchSize } = await lambda.send(new GetEventSourceMappingCommand({ UUID }))
  assert.deepEqual([State, BatchSize, (await listed({ FunctionName: "ship" })).length], ["Enabled", 4, 1])
  await lambda.send(new DeleteEventSourceMappingCommand({ UUID }))
})

test("one that was made over the API rests while a service defines the same itself", async () => {
  const { UUID } = await lambda.send(make({ StartingPosition: "LATEST" }))
  await idle()
  const both = path.join(place.dir, "both.ts")
  const env = JSON.stringify({ TAKEN: path.join(place.dir, "counted") })
  writeFileSync(both, `import { fn, service } from "millrace"\nexport default service("shop", [fn("count", "./handler.mjs", { env: ${env}, on: { stream: "clicks", startingPosition: "LATEST" } })])\n`)
  await node.deploy([both])
  await idle()
  const before = taken("counted").length
  await put("clicks", 7)
  await idle()
  assert.deepEqual(taken("counted").slice(before), [7], "once")
  assert.equal((await listed({ EventSourceArn: arn("clicks") })).length, 2)
  const { State, StateTransitionReason } = await lambda.send(new GetEventSourceMappingCommand({ UUID }))
  assert.deepEqual([State, StateTransitionReason], ["Enabling", 'Service "shop" feeds function "count" from stream "clicks" itself; the mapping that was made over the API rests as long.'])
  await lambda.send(new DeleteEventSourceMappingCommand({ UUID }))
  await node.deploy([serviceFile()])
})

test("one that is made again begins anew", async () => {
  const before = taken("counted").length
  const { UUID } = await lambda.send(make({ StartingPosition: "LATEST" }))
  await idle()
  await put("clicks", 5)
  await idle()
  assert.deepEqual(taken("counted").slice(before), [5])
  await lambda.send(new DeleteEventSourceMappingCommand({ UUID }))
})

test("a mapping of a consumer reads the consumer's stream, is shown with the consumer's ARN, and outlives a restart", async () => {
  const before = taken("counted").length
  const { Consumer } = await kinesis.send(new RegisterStreamConsumerCommand({ StreamARN: arn("clicks"), ConsumerName: "fast" }))
  const EventSourceArn = Consumer?.ConsumerARN ?? assert.fail("no ARN")
  const made = await lambda.send(make({ EventSourceArn, StartingPosition: "LATEST", BatchSize: 3 }))
  const { UUID } = made
  assert.deepEqual([made.State, made.EventSourceArn, made.BatchSize], ["Creating", EventSourceArn, 3])
  await idle()
  await put("clicks", 8)
  await idle()
  await close()
  await open()
  await put("clicks", 9)
  await idle()
  assert.deepEqual(taken("counted").slice(before), [8, 9])
  assert.equal((await lambda.send(new UpdateEventSourceMappingCommand({ UUID, BatchSize: 4 }))).EventSourceArn, EventSourceArn)
  assert.deepEqual([await listed({ EventSourceArn }), await listed({ EventSourceArn: arn("clicks") })], [[UUID], []])
  // Each is a source of its own, so the stream itself can feed the function besides.
  await assert.rejects(lambda.send(make({ EventSourceArn })), { name: "ResourceConflictException" })
  const other = await lambda.send(make({ StartingPosition: "LATEST" }))
  assert.deepEqual([other.EventSourceArn, await listed({ EventSourceArn: arn("clicks") })], [arn("clicks"), [other.UUID]])
  await idle()
  await put("clicks", 10)
  await idle()
  assert.deepEqual(taken("counted").slice(before), [8, 9, 10, 10])
  await lambda.send(new DeleteEventSourceMappingCommand({ UUID: other.UUID }))
  // Nothing is read by way of the consumer, so the mapping goes on without it; a new one cannot be made of it.
  await kinesis.send(new DeregisterStreamConsumerCommand({ ConsumerARN: EventSourceArn }))
  await put("clicks", 11)
  await idle()
  assert.deepEqual(taken("counted").slice(before), [8, 9, 10, 10, 11])
  assert.equal((await lambda.send(new DeleteEventSourceMappingCommand({ UUID }))).EventSourceArn, EventSourceArn)
  await assert.rejects(lambda.send(make({ EventSourceArn })), { name: "InvalidParameterValueException", message: `Stream consumer not found: ${EventSourceArn}` })
  await assert.rejects(lambda.send(make({ EventSourceArn: `${arn("none")}/consumer/fast:1` })), { name: "InvalidParameterValueException", message: `Stream not found: ${arn("none")}/consumer/fast:1` })
  await assert.rejects(lambda.send(make({ EventSourceArn: `${arn("clicks")}/consumer/fast` })), { name: "InvalidParameterValueException", message: /^Unrecognized event source/ })
})

test("what AWS refuses is refused in its words, as is what stands in a service", async () => {
  const [ship] = await listed({ FunctionName: "ship" })
  const refusals: readonly (readonly [() => Promise<unknown>, string, RegExp])[] = [
    [() => lambda.send(make({ FunctionName: "ship", EventSourceArn: arn("orders") })), "ResourceConflictException", new RegExp(`^The event source arn .* provided mapping already exists\\. .* with UUID ${ship}$`)],
    [() => lambda.send(make({ EventSourceArn: arn("none") })), "InvalidParameterValueException", /^Stream not found: arn:aws:kinesis:eu-west-1:000000000000:stream\/none$/],
    [() => lambda.send(make({ FunctionName: "none" })), "InvalidParameterValueException", /^Function does not exist$/],
    [() => lambda.send(make({ StartingPosition: undefined })), "InvalidParameterValueException", /Value null at 'startingPosition'/],
    [() => lambda.send(make({ EventSourceArn: undefined })), "InvalidParameterValueException", /^Unrecognized event source\.$/],
    [() => lambda.send(make({ EventSourceArn: "arn:aws:sqs:eu-west-1:000000000000:q" })), "InvalidParameterValueException", /^Unrecognized event source, must be a stream of Kinesis/],
    [() => lambda.send(make({ BatchSize: 10_001 })), "InvalidParameterValueException", /^batchSize: 10001 is not a whole number from 1 to 10000/],
    [() => lambda.send(make({ TumblingWindowInSeconds: 10, ParallelizationFactor: 2 })), "InvalidParameterValueException", /^a window of a shard has one state/],
    [() => lambda.send(make({ Topics: ["t"] })), "InvalidParameterValueException", /^Topics: Unsupported parameter/],
    [() => lambda.send(make({ ScalingConfig: { MaximumConcurrency: 2 } })), "InvalidParameterValueException", /^ScalingConfig: Unsupported parameter/],
    [() => lambda.send(make({ MaximumRecordAgeInSeconds: 59 })), "InvalidParameterValueException", /maximumRecordAge: 59000 must be/],
    [() => lambda.send(make({ FilterCriteria: { Filters: [{ Pattern: "{" }] } })), "InvalidParameterValueException", /filters/],
    [() => lambda.send(make({ DestinationConfig: { OnFailure: { Destination: "arn:aws:lambda:x:1:function:f" } } })), "InvalidParameterValueException", /is not supported/],
    [() => lambda.send(new UpdateEventSourceMappingCommand({ UUID: ship, BatchSize: 1 })), "InvalidParameterValueException", /stands in a service of this node.* only Enabled can be changed here, not BatchSize/],
    [() => lambda.send(new DeleteEventSourceMappingCommand({ UUID: ship })), "InvalidParameterValueException", /stands in a service of this node/],
    [() => lambda.send(new UpdateEventSourceMappingCommand({ UUID: "none", Enabled: true })), "ResourceNotFoundException", /^The resource you requested does not exist\.$/],
    [() => lambda.send(new DeleteEventSourceMappingCommand({ UUID: "none" })), "ResourceNotFoundException", /does not exist/],
  ]
  for (const [act, name, said] of refusals) await assert.rejects(act, (error: Error) => error.name === name && said.test(error.message), `${name} ${said}`)
  assert.equal((await listed()).length, 1)
})

// Requests generated from the service model that botocore has, valid and not, for every action.
import assert from "node:assert/strict"
import { test } from "node:test"
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  GetShardIteratorCommand,
  PutRecordCommand,
  RegisterStreamConsumerCommand,
} from "@aws-sdk/client-kinesis"
import { decode, encode } from "cbor2"
import fc from "fast-check"
import { loadModel, type Model } from "../test/botocore.ts"
import { bytes, openNode } from "../test/node.ts"
import { inputs } from "./inputs.ts"
import type { Shape } from "./shape.ts"

const model = loadModel()

/** The model's shape in this package's words. */
function shapeOf(name: string): unknown {
  const shape = model.shapes[name] ?? assert.fail(`no shape ${name}`)
  const { min, max, pattern, enum: values } = shape
  const bounds = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }
  switch (shape.type) {
    case "string":
      return {
        kind: "text",
        ...bounds,
        ...(pattern === undefined ? {} : { pattern }),
        ...(values === undefined ? {} : { values }),
      }
    case "integer":
    case "long":
      return { kind: "whole", ...bounds }
    case "boolean":
      return { kind: "flag" }
    case "blob":
      return { kind: "bytes", ...bounds }
    case "timestamp":
      return { kind: "time" }
    case "list":
      return { kind: "list", of: shapeOf(shape.member?.shape ?? ""), ...bounds }
    case "map":
      return { kind: "map", key: shapeOf(shape.key?.shape ?? ""), of: shapeOf(shape.value?.shape ?? ""), ...bounds }
    case "structure": {
      const members = Object.fromEntries(
        Object.entries(shape.members ?? {}).map(([member, { shape: of }]) => [member, shapeOf(of)]),
      )
      return { kind: "structure", members, required: shape.required ?? [] }
    }
  }
}

/** Later models have more actions and members; what is here must be there. */
function assertWithin(own: Shape, wanted: unknown, at: string): void {
  const other = wanted as Shape
  assert.equal(own.kind, other.kind, at)
  if (own.kind === "structure" && other.kind === "structure") {
    assert.deepEqual([...own.required].toSorted(), [...other.required].toSorted(), at)
    for (const [name, member] of Object.entries(own.members)) assertWithin(member, other.members[name], `${at}.${name}`)
  } else assert.deepEqual(own, other, at)
}

test("every action takes what botocore's model says", () => {
  const missing = Object.keys(model.operations).filter((name) => !(name in inputs))
  assert.deepEqual(missing, [])
  for (const [action, input] of Object.entries(inputs)) {
    const operation = (model.operations as Partial<Model["operations"]>)[action]
    if (operation !== undefined) assertWithin(input, shapeOf(operation.input.shape), action)
  }
})

const known: Record<string, readonly string[]> = {
  StreamName: ["made", "orders", "dear-orders", "nobody"],
  StreamARN: [
    "arn:aws:kinesis:us-east-1:000000000000:stream/made",
    "arn:aws:kinesis:us-east-1:000000000000:stream/orders",
  ],
  ResourceARN: [
    "arn:aws:kinesis:us-east-1:000000000000:stream/made",
    "arn:aws:kinesis:us-east-1:000000000000:stream/made/consumer/c:1",
  ],
  ConsumerARN: ["arn:aws:kinesis:us-east-1:000000000000:stream/made/consumer/c:1"],
  ShardId: ["shardId-000000000000", "shardId-000000000001", "shardId-000000000900"],
  HashKey: [
    "0",
    "170141183460469231731687303715884105728",
    "340282366920938463463374607431768211455",
    "340282366920938463463374607431768211456",
  ],
  SequenceNumber: ["0", "49656565656565656565656565656565656565656565656565656565"],
  ConsumerName: ["c", "d"],
}

/** Values of a shape: mostly such as fit. Bytes are those of CBOR; JSON gets them as base64. */
function valueOf(name: string, depth = 0): fc.Arbitrary<unknown> {
  const shape = model.shapes[name] ?? assert.fail(`no shape ${name}`)
  const { min = 0, max = 1e6, enum: values } = shape
  const wrong = fc.oneof(
    fc.constant(null),
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant([]),
    fc.constant({}),
    fc.object({ maxDepth: 1 }),
  )
  const fitting = (): fc.Arbitrary<unknown> => {
    switch (shape.type) {
      case "string":
        if (values !== undefined) return fc.constantFrom(...values)
        return fc.oneof(
          { weight: 4, arbitrary: fc.constantFrom(...(known[name] ?? ["made"])) },
          fc.string({ maxLength: 40 }),
          fc.stringMatching(/^[a-zA-Z0-9_.-]{1,20}$/),
        )
      case "integer":
      case "long":
        return fc.oneof(
          fc.integer({ min: Math.max(min, -2), max: Math.min(max, 12) < min ? min : Math.min(max, 12) }),
          fc.constantFrom(min, max, min - 1, max + 1, 24, 48, 1e12),
        )
      case "boolean":
        return fc.boolean()
      case "blob":
        return fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(bytes({ customer: "a", cents: 1 })))
      case "timestamp":
        return fc.oneof(fc.constantFrom(0, Date.now() / 1000 - 60, Date.now() / 1000 + 60), fc.double())
      case "list":
        return fc.array(valueOf(shape.member?.shape ?? "", depth + 1), { maxLength: 3 })
      case "map":
        return fc.dictionary(fc.string({ maxLength: 8 }), valueOf(shape.value?.shape ?? "", depth + 1), { maxKeys: 3 })
      case "structure": {
        const members = Object.entries(shape.members ?? {}).filter(([member]) => member !== "StreamId")
        const fields = Object.fromEntries(members.map(([member, { shape: of }]) => [member, valueOf(of, depth + 1)]))
        return fc.record(fields, { requiredKeys: [...(shape.required ?? [])].filter(() => depth >= 0) })
      }
    }
  }
  return depth === 0 ? fitting() : fc.oneof({ weight: 30, arbitrary: fitting() }, { weight: 1, arbitrary: wrong })
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    each instanceof Uint8Array ? Buffer.from(each).toString("base64") : each,
  )
}

/** Types that any action may answer, besides those that the model lists for it. */
const common = [
  "ValidationException",
  "SerializationException",
  "InvalidArgumentException",
  "ResourceNotFoundException",
  "ResourceInUseException",
  "LimitExceededException",
  "AccessDeniedException",
]

test(
  "no request makes the API fail or hang: for every action a success or one of its errors, with status 400",
  { timeout: 120_000 },
  async (t) => {
    const { client, node } = await openNode(t, ["orders"])
    const makeAnew = async (): Promise<void> => {
      await client
        .send(new DeleteStreamCommand({ StreamName: "made", EnforceConsumerDeletion: true }))
        .catch(() => undefined)
      await client.send(new CreateStreamCommand({ StreamName: "made", ShardCount: 2 }))
      const consumer = await client.send(
        new RegisterStreamConsumerCommand({ StreamARN: known["StreamARN"]?.[0], ConsumerName: "c" }),
      )
      const put = await client.send(
        new PutRecordCommand({ StreamName: "made", PartitionKey: "k", Data: bytes("x"), ExplicitHashKey: "0" }),
      )
      const begin = { StreamName: "made", ShardId: put.ShardId, ShardIteratorType: "TRIM_HORIZON" } as const
      const { ShardIterator: iterator = "" } = await client.send(new GetShardIteratorCommand(begin))
      known["ConsumerARN"] = [consumer.Consumer?.ConsumerARN ?? ""]
      known["SequenceNumber"] = [put.SequenceNumber ?? "", "0"]
      known["ShardIterator"] = [iterator, `${iterator}x`]
      known["Policy"] = ["{}", "[]"]
    }
    const outcomes = new Map<string, Set<string>>()
    for (const [action, { input, errors = [] }] of Object.entries(model.operations)) {
      const allowed = [...common, ...errors.map(({ shape }) => shape)]
      const seen = new Set<string>()
      outcomes.set(action, seen)
      await makeAnew()
      await fc.assert(
        fc.asyncProperty(valueOf(input.shape), fc.boolean(), async (given, isCbor) => {
          const stop = new AbortController()
          const response = await fetch(node.url, {
            method: "POST",
            headers: {
              "content-type": `application/x-amz-${isCbor ? "cbor" : "json"}-1.1`,
              "x-amz-target": `Kinesis_20131202.${action}`,
            },
            body: isCbor ? new Uint8Array(encode(given)) : jsonOf(given),
            signal: AbortSignal.any([stop.signal, AbortSignal.timeout(10_000)]),
          })
          if (response.status === 200) {
            seen.add("ok")
            // A subscription lasts; that it has begun is enough.
            if (action === "SubscribeToShard") stop.abort()
            else await response.arrayBuffer()
            return
          }
          const answer = new Uint8Array(await response.arrayBuffer())
          const { __type: type } = (isCbor ? decode(answer) : JSON.parse(new TextDecoder().decode(answer))) as {
            __type: string
          }
          seen.add(type)
          assert.equal(response.status, 400, `${type} for ${jsonOf(given)}`)
          assert.ok(allowed.includes(type), `${action} answered ${type} to ${jsonOf(given)}`)
        }),
        { numRuns: 40 },
      )
    }
    // The requests are no use if they are all refused before anything is done.
    const reached = [...outcomes].filter(([, seen]) => seen.has("ok")).map(([action]) => action)
    assert.ok(reached.length > 20, `only these succeeded: ${reached.join()}`)
  },
)

import assert from "node:assert/strict"
import { test } from "node:test"
import {
  BlockCursor,
  type ErrorCode,
  isMillraceError,
  limits,
  partitionOf,
  type StreamPlan,
  utf8Text,
} from "@millrace/model"
import { compile, service, stream, type StreamSettings } from "@millrace/sdk"
import { type } from "arktype"
import fc from "fast-check"
import * as v from "valibot"
import { z } from "zod"
import { decodeBlock } from "./batch.ts"
import { type BodyFormat, type Ingested, Intake } from "./ingest.ts"

const now = Date.UTC(2024, 5, 1)
const encoder = new TextEncoder()

interface Definition extends StreamSettings {
  readonly schema?: unknown
  readonly key?: (value: never) => string
  readonly time?: (value: never) => Date | number | string
}

function intakeFor(definition: Definition = {}): {
  readonly plan: StreamPlan
  readonly take: (body: string | Uint8Array, format?: BodyFormat) => Ingested
  readonly intake: Intake
} {
  const { plan, streams } = compile(service("s", [stream("in", definition as StreamSettings)]))
  const [input] = plan.streams
  assert.ok(input)
  const intake = new Intake(input, streams.get("in"), new Float64Array(1))
  const take = (body: string | Uint8Array, format: BodyFormat = "ndjson"): Ingested =>
    intake.take(typeof body === "string" ? encoder.encode(body) : body, format, now)
  return { plan: input, take, intake }
}

interface Stored {
  readonly partition: number
  readonly key: string
  readonly time: number
  readonly headers: string
  readonly text: string
}

/** What lies in the blocks, partition by partition. */
function stored({ appends }: Ingested): Stored[] {
  return appends.flatMap(({ partition, count, block }) => {
    const found: Stored[] = []
    const cursor = new BlockCursor(block)
    while (cursor.next()) {
      const { key, time, headers, valueStart, valueEnd } = cursor
      found.push({ partition, key, time, headers, text: utf8Text(block, valueStart, valueEnd) })
    }
    assert.equal(found.length, count)
    return found
  })
}

function texts(ingested: Ingested): string[] {
  return stored(ingested).map(({ text }) => text)
}

function faults({ rejected }: Ingested): (readonly [number, ErrorCode])[] {
  return rejected.map(({ index, problem }) => [index, problem.code])
}

function refused(code: ErrorCode): (error: unknown) => boolean {
  return (error) => isMillraceError(error) && error.code === code
}

test("each line of an NDJSON body is a record, stored as the text that came", () => {
  const { take } = intakeFor()
  const lines = ['{"b":1,  "a":[1.0, 2e2]}', '"text"', "17", "null", "  [ ]\t", '{"ä":"€"}', '{"a":1,"a":2}']
  const ingested = take(lines.join("\n"))
  assert.deepEqual(texts(ingested), lines)
  assert.deepEqual([ingested.accepted, ingested.rejected, ingested.rejectedUnlisted], [lines.length, [], 0])
  assert.deepEqual(
    ingested.batches.map(({ values }) => values),
    [lines.map((line) => JSON.parse(line) as unknown)],
  )
})

test("NDJSON may end its lines with CRLF, leave lines blank and end without a newline", () => {
  const { take } = intakeFor()
  for (const body of ["1\n2\n3", "1\n2\n3\n", "1\r\n2\r\n3\r\n", "\n\n1\n\r\n2\n \t \n3\n\n", "1\n2\n3\r"]) {
    const ingested = take(body)
    assert.deepEqual(texts(ingested), ["1", "2", "3"], JSON.stringify(body))
    assert.deepEqual(ingested.rejected, [])
  }
  for (const body of ["", "\n", "\r\n \n"]) assert.deepEqual([take(body).accepted, take(body).appends], [0, []])
})

test("a malformed line in the middle of an NDJSON body is rejected by its index, and only it", () => {
  const { take } = intakeFor()
  const ingested = take('{"n":1}\n\n{"n":\n{"n":3}\n[1,]\n{"n":5}')
  assert.deepEqual(texts(ingested), ['{"n":1}', '{"n":3}', '{"n":5}'])
  // Blank lines are no records and are not counted.
  assert.deepEqual(faults(ingested), [
    [1, "MR1001"],
    [3, "MR1001"],
  ])
  assert.equal(ingested.accepted, 3)
})

test("text that is not UTF-8 is rejected by its index, and only it; other scripts are taken", () => {
  const { take } = intakeFor()
  const bytes = Buffer.concat([
    encoder.encode('"zwölf"\n"'),
    Uint8Array.of(0xc3, 0x28),
    encoder.encode('"\n"\u{1f600}"\n"plain"'),
  ])
  const ingested = take(bytes)
  assert.deepEqual(texts(ingested), ['"zwölf"', '"\u{1f600}"', '"plain"'])
  assert.deepEqual(faults(ingested), [[1, "MR1001"]])
  assert.match(ingested.rejected[0]?.problem.message ?? "", /UTF-8/)
  assert.throws(() => take(Uint8Array.of(0x22, 0xff, 0x22), "json"), refused("MR1001"))
})

test("a byte order mark before the body is no part of it, and no JSON begins with one elsewhere", () => {
  const { take } = intakeFor()
  assert.deepEqual(texts(take('\ufeff{"n":1}\n{"n":2}')), ['{"n":1}', '{"n":2}'])
  assert.deepEqual(texts(take('\ufeff{"n":"ä"}')), ['{"n":"ä"}'])
  assert.deepEqual(texts(take('\ufeff[{"n":1}]', "json")), ['{"n":1}'])
  const ingested = take('{"n":1}\n\ufeff{"n":2}')
  assert.deepEqual(faults(ingested), [[1, "MR1001"]])
  // A key that begins with the mark keeps it.
  const keyed = intakeFor({ key: (value: string) => value })
  assert.deepEqual(
    stored(keyed.take('"\ufeffa"')).map(({ key }) => key),
    ["\ufeffa"],
  )
})

test("a JSON body is one record, or an array of them", () => {
  const { take } = intakeFor()
  assert.deepEqual(texts(take(' {"n" : 1} ', "json")), ['{"n":1}'])
  assert.deepEqual(texts(take('[{"n":1}, [2], 3, null]', "json")), ['{"n":1}', "[2]", "3", "null"])
  assert.deepEqual(take("[]", "json").accepted, 0)
  for (const body of ["", "{", '{"n":1}\n{"n":2}', "nul"]) assert.throws(() => take(body, "json"), refused("MR1001"))
})

test("a schema violation rejects its record with each fault, by zod, valibot and arktype alike", () => {
  const schemas = [
    z.object({ n: z.number(), s: z.string() }),
    v.object({ n: v.number(), s: v.string() }),
    type({ n: "number", s: "string" }),
  ]
  for (const schema of schemas) {
    const { take } = intakeFor({ schema })
    const ingested = take('{"n":1,"s":"x"}\n{"n":"1","s":2}\n{"n":3,"s":"z"}')
    assert.equal(ingested.accepted, 2)
    assert.deepEqual(faults(ingested), [[1, "MR1002"]])
    const details = ingested.rejected[0]?.problem.details as { faults: { path: string }[] } | undefined
    assert.deepEqual(details?.faults.map(({ path }) => path).toSorted(), ["n", "s"])
  }
})

test("the stages see what the schema gives, the log keeps what came", () => {
  const { take } = intakeFor({
    schema: z.object({ at: z.coerce.date(), n: z.number().default(7) }),
    time: (value: { at: Date }) => value.at,
  })
  const ingested = take('{"at":"2024-01-01T00:00:00Z","more":1}')
  assert.deepEqual(ingested.batches[0]?.values, [{ at: new Date(Date.UTC(2024, 0, 1)), n: 7 }])
  assert.deepEqual(
    stored(ingested).map(({ text, time }) => [text, time]),
    [['{"at":"2024-01-01T00:00:00Z","more":1}', Date.UTC(2024, 0, 1)]],
  )
})

test("a record without a usable key or event time is rejected with its code, and only it", () => {
  interface Event {
    readonly k?: string
    readonly t: number | string
  }
  const { take } = intakeFor({ key: (event: Event) => event.k as string, time: (event: Event) => event.t })
  const good = { k: "a", t: now }
  const bad: (readonly [object, ErrorCode])[] = [
    [{ t: now }, "MR1003"],
    [{ k: "", t: now }, "MR1003"],
    [{ k: 5, t: now }, "MR1003"],
    [{ k: "x".repeat(257), t: now }, "MR1003"],
    [{ k: "\ud800", t: now }, "MR1003"],
    [{ k: "a", t: "never" }, "MR1004"],
    [{ k: "a", t: null }, "MR1004"],
    [{ k: "a", t: 1e300 }, "MR1004"],
    [{ k: "a", t: "9999-12-31T00:00:00Z" }, "MR1005"],
  ]
  const ingested = take(
    [good, ...bad.map(([record]) => record), good].map((record) => JSON.stringify(record)).join("\n"),
  )
  assert.deepEqual(
    faults(ingested),
    bad.map(([, code], i) => [i + 1, code]),
  )
  assert.equal(ingested.accepted, 2)
})

test("a schema, key or time function that throws, whatever it throws, rejects its record alone", () => {
  const thrown: unknown[] = [new Error("no"), null, undefined, "text", Object.create(null), Symbol("s")]
  let at = 0
  const key = (n: number): string => {
    if (n === 0) return "k"
    throw thrown[at++]
  }
  const ingested = intakeFor({ key }).take(["0", ...thrown.map((_, i) => String(i + 1)), "0"].join("\n"))
  assert.equal(ingested.accepted, 2)
  assert.deepEqual(
    faults(ingested),
    thrown.map((_, i) => [i + 1, "MR1201"]),
  )
  assert.match(
    ingested.rejected[0]?.problem.message ?? "",
    /stream "in": its schema, key or time function threw: Error: no/,
  )
})

test("a record without event time gets the time of its arrival", () => {
  assert.deepEqual(
    stored(intakeFor().take("1\n2")).map(({ time }) => time),
    [now, now],
  )
})

test("a record above the largest size is rejected, one of that size is taken", () => {
  const { take } = intakeFor()
  const largest = `"${"x".repeat(limits.recordBytesMax - 2)}"`
  const ingested = take(`${largest}\n${largest} \n"${"ä".repeat(limits.recordBytesMax / 2)}"\n1`)
  assert.deepEqual(faults(ingested), [
    [1, "MR1013"],
    [2, "MR1013"],
  ])
  assert.equal(ingested.accepted, 2)
  assert.deepEqual(faults(take(`[${largest}, "${"x".repeat(limits.recordBytesMax - 1)}", 1]`, "json")), [[1, "MR1013"]])
})

test("a record whose JSON is nested deeper than its bound is rejected, and only it, in every format", () => {
  const { take } = intakeFor()
  const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels)
  const [deep, deeper, most] = [nested(limits.jsonDepthMax + 1), nested(100_000), nested(limits.jsonDepthMax)]
  const rejected = (result: Ingested): unknown => result.rejected.map(({ index, problem }) => [index, problem.code])
  const bodies: ReadonlyArray<readonly [BodyFormat, string]> = [
    ["ndjson", [most, deep, "1", deeper].join("\n")],
    ["json", `[${[most, deep, "1", deeper].join()}]`],
    ["cloudevents", `[${[most, deep, "1", deeper].map((data) => `{"specversion":"1.0","id":"1","source":"s","type":"t","data":${data}}`).join()}]`],
  ]
  for (const [format, body] of bodies) {
    const result = take(body, format)
    assert.deepEqual([result.accepted, rejected(result)], [2, [[1, "MR1034"], [3, "MR1034"]]], format)
  }
  assert.match(take(deep).rejected[0]?.problem.message ?? "", /^stream "in": it is nested deeper than 1000 levels/)
  assert.deepEqual(rejected(take(`{"specversion":"1.0","id":"1","source":"s","type":"t","data":1,"far":${nested(5_000)}}`, "cloudevent")), [[0, "MR1034"]])
})

test("a body with too many records is refused as a whole, in every format", () => {
  const { take } = intakeFor()
  const many = limits.requestRecordsMax + 1
  assert.throws(() => take("1\n".repeat(many)), refused("MR1007"))
  assert.throws(() => take(`[${"1,".repeat(many - 1)}1]`, "json"), refused("MR1007"))
  assert.equal(take("1\n".repeat(many - 1)).accepted, many - 1)
})

test("a refused body leaves nothing for the next body of its stream", () => {
  const { take } = intakeFor()
  assert.throws(() => take("1\n".repeat(limits.requestRecordsMax + 1)), refused("MR1007"))
  const ingested = take('"next"')
  assert.deepEqual([ingested.accepted, texts(ingested)], [1, ['"next"']])
  assert.equal(ingested.batches[0]?.count, 1)
})

test("rejections beyond the listed ones are counted", () => {
  const ingested = intakeFor().take("{\n".repeat(limits.rejectionsListedMax + 5))
  assert.deepEqual(
    [ingested.rejected.length, ingested.rejectedUnlisted, ingested.accepted],
    [limits.rejectionsListedMax, 5, 0],
  )
})

test("a record that brought a worker down before is rejected unseen, its neighbours are taken", () => {
  const seen: number[] = []
  const { intake } = intakeFor({ key: (n: number) => (seen.push(n), String(n)) })
  const problem = { code: "MR1202" as const, message: "hung", details: {} }
  for (const [body, format] of [
    ["0\n1\n2", "ndjson"],
    ["[0,1,2]", "json"],
  ] as const) {
    seen.length = 0
    const ingested = intake.take(encoder.encode(body), format, now, new Map([[1, problem]]))
    assert.deepEqual([seen, ingested.rejected], [[0, 2], [{ index: 1, problem }]])
  }
})

test("the cursor shows the record that user code has in hand", () => {
  const { plan } = compile(service("s", [stream("in", { key: (n: number) => String(n) })]))
  const cursor = new Float64Array([-1])
  const shown: number[] = []
  const code = { schema: undefined, time: undefined, key: (n: number) => (shown.push(cursor[0] ?? -1), String(n)) }
  const intake = new Intake(plan.streams.at(0) as StreamPlan, code, cursor)
  intake.take(encoder.encode("7\n\n8\n9"), "ndjson", now)
  intake.take(encoder.encode("[7,8]"), "json", now)
  assert.deepEqual(shown, [0, 1, 2, 0, 1])
})

test("records keep their order within their partition, and every record is where its key belongs", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }), fc.boolean()), { maxLength: 40 }),
      fc.integer({ min: 1, max: 16 }),
      (given, partitions) => {
        const { take } = intakeFor({ partitions, key: (record: { k: string }) => record.k })
        const ingested = take(given.map(([k, sound], i) => (sound ? JSON.stringify({ k, i }) : "{broken")).join("\n"))
        const sound = given.flatMap(([k, fine], i) => (fine ? [{ k, i, partition: partitionOf(k, partitions) }] : []))
        const found = stored(ingested).map(({ partition, key, text }) => ({
          ...(JSON.parse(text) as { k: string; i: number }),
          partition,
          key,
        }))
        const expected = sound
          .map((each) => ({ ...each, key: each.k }))
          .toSorted((a, b) => a.partition - b.partition || a.i - b.i)
        assert.deepEqual(found, expected)
        assert.deepEqual(
          faults(ingested),
          given.flatMap(([, fine], i) => (fine ? [] : [[i, "MR1001"] as const])),
        )
      },
    ),
  )
})

test("records without a key stay together, and requests take turns with the partitions", () => {
  const { take } = intakeFor({ partitions: 3 })
  const placed = [1, 2, 3, 4].map(() => stored(take("1\n2\n3")).map(({ partition }) => partition))
  for (const each of placed) assert.equal(new Set(each).size, 1)
  assert.equal(new Set(placed.slice(0, 3).map(([first]) => first)).size, 3)
})

test("a batch from intake is what decoding its block gives", () => {
  const schema = z.object({ k: z.string().min(1), at: z.coerce.date(), n: z.number().optional() })
  const definition = { schema, partitions: 4, key: (r: { k: string }) => r.k, time: (r: { at: Date }) => r.at }
  const record = fc.record(
    {
      k: fc.string({ maxLength: 5 }),
      at: fc.date({ min: new Date(0), max: new Date(now) }),
      n: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: undefined }),
    },
    { noNullPrototype: true },
  )
  const { plan, streams } = compile(service("s", [stream("in", definition)]))
  const input = plan.streams.at(0) as StreamPlan
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 20 }),
      fc.constantFrom<BodyFormat>("ndjson", "json"),
      (records, format) => {
        const intake = new Intake(input, streams.get("in"), new Float64Array(1))
        const body =
          format === "json" ? JSON.stringify(records) : records.map((each) => JSON.stringify(each)).join("\n")
        const { appends, batches } = intake.take(encoder.encode(body), format, now)
        for (const [i, { block }] of appends.entries()) {
          const { again: _, ...decoded } = decodeBlock(block, 0, 0, input, streams.get("in"))
          const { again, ...batch } = batches.at(i) as (typeof batches)[number]
          assert.deepEqual(batch, decoded)
          assert.deepEqual(
            batch.values.map((_value, at) => again?.value(at)),
            decoded.values,
          )
        }
      },
    ),
  )
})

const event = { specversion: "1.0", id: "1", source: "/here", type: "t" }

test("a CloudEvent's data is the record, its attributes are headers", () => {
  const { take } = intakeFor()
  const ingested = take(
    JSON.stringify({
      ...event,
      subject: "s",
      time: "2024-05-05T10:00:00Z",
      datacontenttype: "application/json",
      extension: 5,
      data: { n: 1 },
    }),
    "cloudevent",
  )
  const [only] = stored(ingested)
  assert.deepEqual([only?.text, only?.time], ['{"n":1}', Date.UTC(2024, 4, 5, 10)])
  assert.deepEqual(JSON.parse(only?.headers ?? ""), {
    ...event,
    subject: "s",
    time: "2024-05-05T10:00:00Z",
    datacontenttype: "application/json",
    extension: 5,
  })
})

test("a CloudEvent's partitionkey or subject is the key and its time the event time, unless the stream has its own", () => {
  const plain = intakeFor({ partitions: 5 })
  const keys = [{ partitionkey: "p", subject: "s" }, { subject: "s" }, { partitionkey: "", subject: "s" }, {}].map(
    (more) => stored(plain.take(JSON.stringify({ ...event, ...more, data: 1 }), "cloudevent"))[0],
  )
  assert.deepEqual(
    keys.map((each) => each?.key),
    ["p", "s", "s", ""],
  )
  assert.deepEqual(
    keys.slice(0, 3).map((each) => each?.partition),
    [partitionOf("p", 5), partitionOf("s", 5), partitionOf("s", 5)],
  )
  const defined = intakeFor({ key: (data: { k: string }) => data.k, time: () => 5 })
  const [own] = stored(
    defined.take(
      JSON.stringify({ ...event, partitionkey: "p", time: "2024-05-05T10:00:00Z", data: { k: "own" } }),
      "cloudevent",
    ),
  )
  assert.deepEqual([own?.key, own?.time], ["own", 5])
})

test("what is no CloudEvent 1.0 is rejected with what is wrong", () => {
  const { take } = intakeFor()
  const wrong: (readonly [unknown, ErrorCode, RegExp])[] = [
    [5, "MR1015", /object/],
    [null, "MR1015", /object/],
    [{ ...event, specversion: undefined, data: 1 }, "MR1015", /specversion/],
    [{ ...event, specversion: "0.3", data: 1 }, "MR1015", /1\.0/],
    [{ ...event, id: "", data: 1 }, "MR1015", /"id"/],
    [{ ...event, source: 5, data: 1 }, "MR1015", /"source"/],
    [{ ...event, type: undefined, data: 1 }, "MR1015", /"type"/],
    [event, "MR1015", /data/],
    [{ ...event, data_base64: "AAAA" }, "MR1015", /data_base64/],
    [{ ...event, time: "soon", data: 1 }, "MR1004", /time/],
    [{ ...event, time: 5, data: 1 }, "MR1004", /time/],
    [{ ...event, time: "9999-01-01T00:00:00Z", data: 1 }, "MR1005", /ahead/],
    [{ ...event, extension: "x".repeat(limits.recordHeadersBytesMax), data: 1 }, "MR1013", /attributes/],
    [{ ...event, subject: "x".repeat(257), data: 1 }, "MR1003", /257/],
    [{ ...event, data: "x".repeat(limits.recordBytesMax) }, "MR1013", /bytes/],
  ]
  for (const [given, code, words] of wrong) {
    const { rejected } = take(JSON.stringify(given), "cloudevent")
    assert.deepEqual(
      rejected.map(({ problem }) => problem.code),
      [code],
      JSON.stringify(given).slice(0, 80),
    )
    assert.match(rejected[0]?.problem.message ?? "", words)
  }
  assert.equal(take(JSON.stringify({ ...event, data: null }), "cloudevent").accepted, 1)
})

test("a CloudEvents batch is an array, each event accepted or rejected by its index", () => {
  const { take } = intakeFor()
  const ingested = take(
    JSON.stringify([
      { ...event, data: 1 },
      { ...event, id: undefined, data: 2 },
      { ...event, data: 3 },
    ]),
    "cloudevents",
  )
  assert.deepEqual([texts(ingested), faults(ingested)], [["1", "3"], [[1, "MR1015"]]])
  assert.throws(() => take(JSON.stringify({ ...event, data: 1 }), "cloudevents"), refused("MR1015"))
  assert.equal(take("[]", "cloudevents").accepted, 0)
})

test("a key named __proto__ and a field of that name are data", () => {
  const { take } = intakeFor({ key: (value: { k: string }) => value.k })
  const ingested = take('{"k":"__proto__","__proto__":{"polluted":true}}')
  assert.deepEqual(
    stored(ingested).map(({ key }) => key),
    ["__proto__"],
  )
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
  const [headers] = stored(
    intakeFor().take(JSON.stringify(event).replace("{", '{"__proto__":{"polluted":true},"data":1,'), "cloudevent"),
  )
  assert.ok(headers?.headers.includes("polluted"))
})

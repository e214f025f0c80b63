import assert from "node:assert/strict"
import { test } from "node:test"
import type { OperatorPlan, Plan } from "@millrace/model"
import { day, files } from "../files.ts"
import { compile, count, hopping, type Outlet, service, stream, task, tumbling } from "../index.ts"

interface Flight {
  readonly origin: string
  readonly destination: string
  readonly delay: number
}

const flights = stream<Flight>("flights", { key: (f) => f.origin, outOfOrder: "2h", partitions: 4, idle: "10s" })

function planOf(...outlets: Outlet[]): Plan {
  return compile(service("s", outlets)).plan
}

/** `name <- what it reads`, in order. */
function wiring(operators: readonly OperatorPlan[] | undefined): string[] {
  return (operators ?? []).map(
    ({ kind, name, from, port }) =>
      `${kind} ${name} <- ${operators?.[from]?.name ?? "input"}${port === "late" ? " late" : ""}`,
  )
}

test("a window with its late records compiles to one stage and two sinks", () => {
  const hourly = flights
    .window("hourly", tumbling({ size: "1h", offset: "90m" }), { allowedLateness: "5m" })
    .aggregate({ flights: count(), delayed: count((f) => f.delay > 15) })
  const { plan, operators, streams } = compile(
    service("air", [
      hourly.to(
        files("hourly-delays", { format: "parquet", to: "s3://bucket/out", partitionBy: ["key", day("start")] }),
      ),
      hourly.late.to(files("late", { roll: { size: "1MB", every: "1m" } })),
    ]),
  )
  const internal = { partitions: 4, outOfOrderMs: 0, aheadMs: 86_400_000, idleMs: 10_000, keyed: true, upstreams: 0 }
  assert.deepEqual(plan, {
    service: "air",
    streams: [
      {
        name: "flights",
        role: "source",
        partitions: 4,
        format: "json",
        outOfOrderMs: 7_200_000,
        aheadMs: 86_400_000,
        retentionMs: 86_400_000,
        idleMs: 10_000,
        keyed: true,
        upstreams: 0,
      },
      { name: "air/hourly-delays.rows", role: "sink", format: "coded", retentionMs: 0, ...internal },
      { name: "air/late.rows", role: "sink", format: "coded", retentionMs: 0, ...internal },
      { name: "flights.dead-letter", role: "dead-letter", format: "json", retentionMs: 604_800_000, ...internal },
    ],
    stages: [
      {
        id: "flights",
        input: "flights",
        partitions: 4,
        deadLetters: "flights.dead-letter",
        operators: [
          {
            kind: "window",
            name: "hourly",
            from: -1,
            port: "out",
            window: { kind: "tumbling", sizeMs: 3_600_000, everyMs: 3_600_000, offsetMs: 1_800_000 },
            time: "event",
            earlyMs: 0,
            allowedLatenessMs: 300_000,
            panes: true,
            aggregates: { flights: "count", delayed: "count" },
          },
          {
            kind: "to-sink",
            name: "sink/hourly-delays",
            from: 0,
            port: "out",
            stream: "air/hourly-delays.rows",
            sink: "hourly-delays",
          },
          { kind: "to-sink", name: "sink/late", from: 0, port: "late", stream: "air/late.rows", sink: "late" },
        ],
      },
    ],
    sinks: [
      {
        kind: "files",
        name: "hourly-delays",
        stream: "air/hourly-delays.rows",
        stage: "flights",
        operator: "sink/hourly-delays",
        format: "parquet",
        to: "s3://bucket/out",
        partitionBy: [
          { column: "key", by: "value" },
          { column: "start", by: "day" },
        ],
        roll: { bytes: 134_217_728, everyMs: 300_000, watermarkMs: 86_400_000 },
      },
      {
        kind: "files",
        name: "late",
        stream: "air/late.rows",
        stage: "flights",
        operator: "sink/late",
        format: "ndjson",
        partitionBy: [],
        roll: { bytes: 1_048_576, everyMs: 60_000, watermarkMs: 0 },
      },
    ],
    tasks: [],
    functions: [],
  } satisfies Plan)
  assert.deepEqual([...streams.keys()], ["flights"])
  assert.deepEqual(
    operators.get("flights")?.map(({ kind }) => kind),
    ["window", "to-sink", "to-sink"],
  )
})

test("operators without a changed key stay in the stage of their stream", () => {
  const plan = planOf(
    flights
      .map((f) => f.delay)
      .filter((delay) => delay > 0)
      .flatMap((delay) => [delay])
      .peek(() => undefined)
      .process("p", { state: () => 0, onRecord: () => [{}] })
      .to(files("out")),
  )
  assert.deepEqual(
    plan.stages.map(({ id }) => id),
    ["flights"],
  )
  assert.deepEqual(wiring(plan.stages[0]?.operators), [
    "map flights/1.map <- input",
    "filter flights/2.filter <- flights/1.map",
    "flatMap flights/3.flatMap <- flights/2.filter",
    "peek flights/4.peek <- flights/3.flatMap",
    "process p <- flights/4.peek",
    "to-sink sink/out <- p",
  ])
})

test("a stateful operator after keyBy gets its own stage behind a repartition stream", () => {
  const plan = planOf(
    flights
      .keyBy((f) => f.destination)
      .filter((f) => f.delay > 0)
      .window("arrivals", hopping({ size: "1h", every: "10m" }))
      .aggregate({ n: count() })
      .to(files("arrivals-out")),
  )
  assert.deepEqual(
    plan.stages.map(({ id, deadLetters, partitions }) => [id, deadLetters, partitions]),
    [
      ["flights", "flights.dead-letter", 4],
      ["s/arrivals.repartition", "flights.dead-letter", 4],
    ],
  )
  assert.deepEqual(wiring(plan.stages[0]?.operators), [
    "rekey flights/1.rekey <- input",
    "filter flights/2.filter <- flights/1.rekey",
    "repartition s/arrivals.repartition <- flights/2.filter",
  ])
  assert.deepEqual(wiring(plan.stages[1]?.operators), [
    "window arrivals <- input",
    "to-sink sink/arrivals-out <- arrivals",
  ])
  assert.deepEqual(
    plan.streams.find(({ role }) => role === "repartition"),
    {
      name: "s/arrivals.repartition",
      role: "repartition",
      partitions: 4,
      format: "coded",
      outOfOrderMs: 0,
      aheadMs: 86_400_000,
      retentionMs: 0,
      idleMs: 10_000,
      keyed: true,
      upstreams: 4,
    },
  )
})

test("keyBy without a stateful operator after it moves nothing", () => {
  const plan = planOf(flights.keyBy((f) => f.destination).to(files("out")))
  assert.deepEqual(
    plan.stages.map(({ id }) => id),
    ["flights"],
  )
})

test("late records of a repartitioned window can be keyed and kept again", () => {
  const { late } = flights
    .keyBy((f) => f.destination)
    .window("w", tumbling("1h"))
    .aggregate({ n: count() })
  const plan = planOf(
    late
      .keyBy((f) => f.origin)
      .process("again", { state: () => 0, onRecord: () => [{}] })
      .to(files("out")),
  )
  assert.deepEqual(
    plan.stages.map(({ id }) => id),
    ["flights", "s/w.repartition", "s/again.repartition"],
  )
  assert.deepEqual(wiring(plan.stages[1]?.operators), [
    "window w <- input",
    "rekey s/w.repartition/2.rekey <- w late",
    "repartition s/again.repartition <- s/w.repartition/2.rekey",
  ])
  assert.deepEqual(new Set(plan.stages.map(({ deadLetters }) => deadLetters)), new Set(["flights.dead-letter"]))
})

test("late records go into a repartition as the window's late output", () => {
  const keyed = flights.keyBy((f) => f.destination)
  const moved = keyed.process("moved", { state: () => 0, onRecord: () => [{}] })
  const { late } = flights.window("w", tumbling("1h")).aggregate({ n: count() })
  const plan = planOf(
    moved.to(files("a")),
    late.process("kept", { state: () => 0, onRecord: () => [{}] }).to(files("b")),
  )
  assert.deepEqual(wiring(plan.stages[0]?.operators), [
    "rekey flights/1.rekey <- input",
    "repartition s/moved.repartition <- flights/1.rekey",
    "window w <- input",
    "process kept <- w late",
    "to-sink sink/b <- kept",
  ])
})

test("an operator that two outlets reach is there once", () => {
  const slow = flights.filter((f) => f.delay > 60)
  const other = stream<Flight>("slow", { key: (f) => f.origin })
  const plan = planOf(slow.to(files("a")), slow.map((f) => f).to(files("b")), slow.to(other), slow.to(other))
  assert.deepEqual(wiring(plan.stages[0]?.operators), [
    "filter flights/1.filter <- input",
    "to-sink sink/a <- flights/1.filter",
    "map flights/3.map <- flights/1.filter",
    "to-sink sink/b <- flights/3.map",
    "to-stream flights/5.to-stream <- flights/1.filter",
  ])
})

test("a stream that a service writes is derived and knows all its upstream partitions", () => {
  const trains = stream<Flight>("trains", { key: (f) => f.origin, partitions: 3 })
  const delays = stream<Flight>("delays", { key: (f) => f.destination, partitions: 2 })
  const plan = planOf(
    delays.to(files("out")),
    flights.to(delays),
    flights.filter((f) => f.delay > 0).to(delays),
    trains.to(delays),
  )
  const written = plan.streams.find(({ name }) => name === "delays")
  assert.deepEqual([written?.role, written?.upstreams], ["derived", 7])
  assert.deepEqual(
    plan.streams.filter(({ role }) => role === "source").map(({ name }) => name),
    ["flights", "trains"],
  )
  const bases = plan.stages.flatMap(({ id, operators }) =>
    operators.flatMap((each) => (each.kind === "to-stream" ? [[id, each.upstreamBase]] : [])),
  )
  assert.deepEqual(bases, [
    ["flights", 0],
    ["flights", 0],
    ["trains", 4],
  ])
  assert.deepEqual(
    plan.stages.map(({ id }) => id),
    ["flights", "trains", "delays"],
    "writers come before readers",
  )
})

test("a stream given to a service as it is is kept without a stage", () => {
  const { plan, streams } = compile(service("inbox", [flights]))
  assert.deepEqual(
    plan.streams.map(({ name, role }) => [name, role]),
    [["flights", "source"]],
  )
  assert.deepEqual(plan.stages, [])
  assert.ok(streams.has("flights"))
})

test("a service of nothing compiles to an empty plan", () => {
  assert.deepEqual(compile(service("empty", [])).plan, { service: "empty", streams: [], stages: [], sinks: [], tasks: [], functions: [] })
})

test("the same definitions compile to the same plan", () => {
  const make = (): Plan => {
    const input = stream<Flight>("flights", { key: (f) => f.origin })
    const hourly = input.window("hourly", tumbling("1h")).aggregate({ n: count() })
    return compile(
      service("s", [
        hourly.to(files("a")),
        input
          .keyBy((f) => f.destination)
          .process("p", { state: () => 0, onRecord: () => [{}] })
          .to(files("b")),
      ]),
    ).plan
  }
  assert.deepEqual(make(), make())
  assert.equal(JSON.stringify(make()), JSON.stringify(make()))
})

test("a plan is plain data and cannot be changed", () => {
  const plan = planOf(
    flights
      .window("w", tumbling("1h"))
      .aggregate({ n: count() })
      .to(files("out", { partitionBy: ["key"] })),
  )
  assert.deepEqual(structuredClone(plan), plan)
  const frozen = (thing: unknown): boolean =>
    typeof thing !== "object" || thing === null || (Object.isFrozen(thing) && Object.values(thing).every(frozen))
  assert.ok(frozen(plan))
})

test("an asynchronous call is the last of its stage: what follows reads the stream of its results", () => {
  const scored = flights.keyBy((f) => f.destination).mapAsync("score", async (f) => ({ ...f, score: 1 }), { concurrency: 5, timeout: "1s" })
  const { stages, streams } = planOf(scored.window("hourly", tumbling("1h")).aggregate({ n: count() }).to(files("out")))
  assert.deepEqual(stages.map(({ id, operators }) => [id, wiring(operators)]), [
    ["flights", ["rekey flights/1.rekey <- input", "async score <- flights/1.rekey"]],
    ["s/score.results", ["window hourly <- input", "to-sink sink/out <- hourly"]],
  ])
  const results = streams.find(({ name }) => name === "s/score.results")
  assert.deepEqual([results?.role, results?.partitions, results?.upstreams, results?.keyed], ["repartition", 4, 4, true])
  const [, async] = stages[0]?.operators ?? []
  assert.deepEqual(async, {
    kind: "async",
    name: "score",
    from: 0,
    port: "out",
    stream: "s/score.results",
    upstreamBase: 0,
    concurrency: 5,
    capacity: 50,
    timeoutMs: 1_000,
    order: "key",
    retry: { attempts: 3, firstMs: 1_000, factor: 2, mostMs: 60_000, jitter: true },
  })
})

test("a flow that reads a task's output brings the task along, which alone writes it", () => {
  const pack = task("pack", { run: () => ({ kilos: 1 }) })
  const packed = stream<{ kilos: number }>("packed")
  const { plan, tasks } = compile(service("s", [pack.output.to(packed)]))
  const listed = compile(service("s", [pack, pack.output.to(packed)]))
  assert.deepEqual([plan.tasks.map(({ name, read }) => [name, read]), [...tasks.keys()]], [[["pack", true]], ["pack"]])
  assert.equal(plan.streams.find(({ name }) => name === "pack.output")?.role, "derived")
  assert.deepEqual(listed.plan.tasks.map(({ read }) => read), [undefined])
  assert.deepEqual(new Set(plan.streams.map(({ name }) => name)), new Set(listed.plan.streams.map(({ name }) => name)))
  assert.deepEqual(new Set(plan.stages.map(({ input }) => input)), new Set(listed.plan.stages.map(({ input }) => input)))
})

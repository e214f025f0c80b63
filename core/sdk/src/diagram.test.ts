import assert from "node:assert/strict"
import { test } from "node:test"
import { z } from "zod"
import { files } from "./files.ts"
import { calendar, compile, count, diagram, fn, global, hopping, http, service, sliding, stream, task, tumbling } from "./index.ts"

test("a plan is drawn as a Mermaid flowchart, always the same", () => {
  const flights = stream<{ from: string; to: string }>("flights", { key: (f) => f.from })
  const busy = stream<{ to: string }>("busy", { key: (f) => f.to, partitions: 1 })
  const hourly = flights.window("hourly", tumbling({ size: "90m", offset: "500ms" })).aggregate({ 'n "<1>"': count() })
  const arrivals = flights
    .keyBy((f) => f.to)
    .window("arrivals", hopping({ size: "1d", every: "10m" }))
    .aggregate({ n: count() })
  const { plan } = compile(
    service("air", [
      hourly.to(files("hourly-out", { format: "parquet" })),
      hourly.late.to(files("late")),
      arrivals.map((w) => ({ to: w.key })).to(busy),
      busy.process("seen", { state: () => 0, onRecord: () => [{}] }).to(files("seen-out")),
    ]),
  )
  const expected = `flowchart LR
  stream1[("flights<br/>8 partitions")]
  stream2[("busy<br/>1 partition")]
  stream3[("air/arrivals.repartition")]
  subgraph stage1["flights: 8 partitions"]
    op1_1["hourly<br/>tumbling 90m offset 500ms<br/>n &quot;&lt;1&gt;&quot;"]
    op1_4["keyBy"]
  end
  subgraph stage2["air/arrivals.repartition: 8 partitions"]
    op2_1["arrivals<br/>hopping 1d every 10m<br/>n"]
    op2_2["map"]
  end
  subgraph stage3["busy: 1 partition"]
    op3_1["seen<br/>process"]
  end
  sink1[/"hourly-out<br/>files, parquet"/]
  sink2[/"late<br/>files, ndjson"/]
  sink3[/"seen-out<br/>files, ndjson"/]
  stream1 --> op1_1
  op1_1 --> sink1
  op1_1 -. late .-> sink2
  stream1 --> op1_4
  op1_4 --> stream3
  stream3 --> op2_1
  op2_1 --> op2_2
  op2_2 --> stream2
  stream2 --> op3_1
  op3_1 --> sink3
`
  assert.equal(diagram(plan), expected)
  assert.equal(diagram(structuredClone(plan)), expected)
})

test("a window's box says whose time it follows", () => {
  const flights = stream<{ from: string }>("flights", { key: (f) => f.from })
  const daily = flights.window("daily", calendar("day", { timeZone: "Europe/Berlin", offset: "6h" }), { time: "processing" })
  const five = flights.window("five", sliding({ rows: 5 })).aggregate({ n: count() })
  const ten = flights.window("ten", global({ every: 10 })).aggregate({ n: count() })
  const { plan } = compile(service("air", [daily.aggregate({ n: count() }).to(files("out")), five.to(files("a")), ten.to(files("b"))]))
  assert.match(diagram(plan), /five<br\/>last 5 records<br\/>n/)
  assert.match(diagram(plan), /ten<br\/>every 10 records<br\/>n/)
  assert.match(diagram(plan), /daily<br\/>day in Europe\/Berlin offset 6h by the clock<br\/>n/)
})

test("operators are drawn in the words of the language, and arrows say which input a record is of", () => {
  const a = stream<{ k: string; n: number }>("a", { key: ({ k }) => k })
  const b = stream<{ k: string; n: number }>("b", { key: ({ k }) => k })
  const [ta, tb] = [a.toTable("ta"), b.toTable("tb")]
  const pair = <X, Y>(x: X, y: Y): { x: X; y: Y } => ({ x, y })
  const drawn = diagram(
    compile(
      service("s", [
        a.join("interval", b, { within: { after: "1h" }, type: "left" }, pair).to(files("o1")),
        a.join("window-join", b, { window: tumbling("1h") }, pair).to(files("o2")),
        a.joinAsOf("versions", b, {}, pair).to(files("o3")),
        a.join("enriched", tb, { type: "left" }, pair).to(files("o4")),
        ta.join("by-key", tb, {}, pair).toStream().to(files("o5")),
        ta.join("by-foreign-key", tb, { on: ({ k }) => k }, pair).toStream().to(files("o6")),
        a.withBroadcast("rules", tb, (x) => [x]).to(files("o7")),
        a.union("both", b).topN("best", { n: 2, by: ({ n }) => n }).map((best) => ({ best })).toStream().to(files("o8")),
        ta.groupBy(({ k }) => k).aggregate("groups", { n: count() }).toStream().to(files("o9")),
        a.distinct("once", { within: "1m" }).to(files("o10")),
        a.deduplicate("first", { keep: "first", within: "1h" }).to(files("o11")),
        a.match("pattern", (p) => p.begin("x").followedBy("y", () => true)).to(files("o12")),
        a.mapAsync("asked", async (x) => x).to(files("o13")),
        a.windowAll("all", tumbling("1m")).trigger({ every: 5 }).aggregate({ n: count() }).to(files("o14")),
      ]),
    ).plan,
  )
  const labels = [...drawn.matchAll(/op\d+_\d+\["(.*)"\]/g)].map(([, label]) => label).toSorted()
  assert.deepEqual(labels, [
    "all<br/>tumbling 1m, every 5 records<br/>n",
    "asked<br/>mapAsync",
    "best<br/>top 2 descending",
    "by-foreign-key.meet<br/>join by foreign key",
    "by-foreign-key.send<br/>to the row that is named",
    "by-foreign-key<br/>the newest of each row",
    "by-key<br/>join of tables",
    "enriched<br/>left join with a table",
    "first<br/>deduplicate, first within 1h",
    ...Array.from({ length: 5 }, () => "flatMap"),
    "groupBy",
    "groups<br/>aggregate<br/>n",
    "interval<br/>left join up to 1h after",
    "keyBy",
    "once<br/>distinct within 1m",
    "pattern<br/>match x, y",
    "rules<br/>withBroadcast",
    "ta<br/>toTable",
    "tb<br/>toTable",
    "versions<br/>joinAsOf",
    "window-join<br/>join in tumbling 1h",
  ])
  assert.match(drawn, /stream1 -- input 1 --> stream\d+\n/)
  assert.match(drawn, /stream2 -- input 2 --> stream\d+\n/)
})

test("a task is drawn between the stream of what it is told and that of its outputs", () => {
  const orders = stream<{ id: string }>("orders")
  const pack = task("pack", { input: z.object({ id: z.string() }), output: z.object({ kilos: z.number() }), run: async () => ({ kilos: 1 }) })
  const { plan } = compile(service("shop", [orders.map(({ id }) => ({ id })).to(pack)]))
  const drawn = diagram(plan)
  const id = (label: string): string => drawn.split("\n").find((line) => line.includes(`"${label}`))?.trim().split(/[[(]/)[0] ?? label
  assert.ok(drawn.includes(`  ${id("map")} --> ${id("shop/pack.commands")}\n`), drawn)
  assert.ok(drawn.includes(`  ${id("shop/pack.commands")} --> ${id("pack<br/>task")}\n`), drawn)
  assert.ok(drawn.includes(`  ${id("pack<br/>task")} --> ${id("pack.output")}\n`), drawn)
})

test("functions are drawn with their routes, behind the stream that feeds them", () => {
  const orders = stream("orders")
  const { plan } = compile(service("shop", [fn("pack", "./pack.ts", { on: { stream: orders } }), http("GET /orders/{id}", "./order.ts", { name: "order" })]))
  const drawn = diagram(plan)
  assert.ok(drawn.includes('  fn1[["pack<br/>function"]]\n  fn2[["order<br/>function<br/>GET /orders/{id}"]]\n'), drawn)
  assert.ok(drawn.includes("  stream1 --> fn1\n"), drawn)
})

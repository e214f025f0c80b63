import assert from "node:assert/strict"
import { test } from "node:test"
import { files } from "./files.ts"
import { calendar, compile, count, diagram, fn, global, hopping, http, service, sliding, stream, tumbling } from "./index.ts"

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

test("functions are drawn with their routes, behind the stream that feeds them", () => {
  const orders = stream("orders")
  const { plan } = compile(service("shop", [fn("pack", "./pack.ts", { on: { stream: orders } }), http("GET /orders/{id}", "./order.ts", { name: "order" })]))
  const drawn = diagram(plan)
  assert.ok(drawn.includes('  fn1[["pack<br/>function"]]\n  fn2[["order<br/>function<br/>GET /orders/{id}"]]\n'), drawn)
  assert.ok(drawn.includes("  stream1 --> fn1\n"), drawn)
})

import assert from "node:assert/strict"
import { test } from "node:test"
import { compile, fn, service, stream } from "../index.ts"

const orders = stream<{ id: string }>("orders", { key: ({ id }) => id })

test("a function compiles to its plan, with the defaults of Lambda", () => {
  const { plan, functions } = compile(service("shop", [fn("resize", "./resize.ts")]))
  assert.deepEqual(plan.functions, [
    {
      name: "resize",
      source: { kind: "module", file: "./resize.ts", handler: "handler" },
      timeoutMs: 3_000,
      memoryMegabytes: 128,
      env: {},
      concurrency: null,
    },
  ])
  assert.equal(functions.size, 0)
  assert.deepEqual(structuredClone(plan), plan)
})

test("what a function is told stands in its plan", () => {
  const given = fn("resize", "./dist/index.cjs", { handler: "photos.resize", timeout: "15m", memory: "1GB", env: { BUCKET: "b" }, concurrency: 5, description: "d" })
  assert.deepEqual(compile(service("shop", [given, given])).plan.functions, [
    {
      name: "resize",
      description: "d",
      source: { kind: "module", file: "./dist/index.cjs", handler: "photos.resize" },
      timeoutMs: 900_000,
      memoryMegabytes: 1024,
      env: { BUCKET: "b" },
      concurrency: 5,
    },
  ])
})

test("a function on a stream makes the stream part of the service, without a stage", () => {
  const { plan } = compile(service("shop", [fn("ship", "./ship.ts", { on: { stream: orders } })]))
  assert.deepEqual([plan.streams.map(({ name }) => name), plan.stages, plan.functions[0]?.mapping?.stream], [["orders"], [], "orders"])
  const named = compile(service("shop", [fn("ship", "./ship.ts", { on: { stream: "made-elsewhere" } })])).plan
  assert.deepEqual([named.streams, named.functions[0]?.mapping?.stream], [[], "made-elsewhere"])
})

test("two functions of one name are refused", () => {
  assert.throws(() => service("shop", [fn("a", "./a.ts"), fn("a", "./b.ts")]), { code: "MR1102" })
})

test("a setting that means nothing is refused where it is written", () => {
  const refusals: readonly (readonly [() => unknown, RegExp])[] = [
    [() => fn("a.b", "./a.ts"), /"a\.b" is not a name of a function/],
    [() => fn("a", "./a.txt"), /function "a": "\.\/a\.txt" is not a module's file/],
    [() => fn("a", "./a.ts", { handler: "a b" }), /function "a", handler: "a b" is not the name of an export/],
    [() => fn("a", "./a.ts", { timeout: "16m" }), /timeout: "16m" is more than 900 s/],
    [() => fn("a", "./a.ts", { timeout: 10 }), /timeout: 10 must be at least 1000 ms/],
    [() => fn("a", "./a.ts", { memory: 64 }), /memory in MB: 64 is not a whole number from 128 to 10240/],
    [() => fn("a", "./a.ts", { concurrency: 0 }), /concurrency: 0 is not a whole number/],
    [() => fn("a", "./a.ts", { env: { AWS_REGION: "x" } }), /AWS_REGION is set by the environment of the function itself/],
    [() => fn("a", "./a.ts", { env: { "1A": "x" } }), /"1A" is not a name of a variable/],
    [() => fn("a", "./a.ts", { env: { BIG: "x".repeat(5_000) } }), /have 5003 characters; at most 4096/],
    [() => fn("a", "./a.ts", { env: { N: 1 as unknown as string } }), /env: "N" is not a name|env, N: expected a text/],
    [() => fn("a", "./a.ts", { retries: 1 } as object), /there is no option "retries"/],
    [() => fn("a", "./a.ts", { on: { stream: {} as never } }), /function "a", on, stream: give a stream/],
  ]
  for (const [act, said] of refusals) assert.throws(act, (error: Error & { code?: string }) => error.code === "MR1101" && said.test(error.message))
})

test("a function on what is no stream does not compile", () => {
  // @ts-expect-error a flow has no place of its own in the log
  assert.throws(() => fn("a", "./a.ts", { on: { stream: orders.filter(() => true) } }), { code: "MR1101" })
  // @ts-expect-error there is no such option
  assert.throws(() => fn("a", "./a.ts", { retries: 3 }), { code: "MR1101" })
})

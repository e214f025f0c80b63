import assert from "node:assert/strict"
import { test } from "node:test"
import { z } from "zod"
import { compile, http, type LambdaFunction, service } from "../index.ts"

function planOf(of: LambdaFunction) {
  return compile(service("shop", [of])).plan.functions[0]
}

test("a route becomes a plan of its segments, and the function's name is made of it", () => {
  const plan = planOf(http("POST /orders/{id}/files/{path+}", "./files.ts"))
  assert.equal(plan?.name, "post-orders-id-files-path")
  assert.equal(plan?.timeoutMs, 30_000)
  assert.deepEqual(plan?.http, {
    routes: [
      {
        key: "POST /orders/{id}/files/{path+}",
        method: "POST",
        segments: [
          { kind: "text", text: "orders" },
          { kind: "one", name: "id" },
          { kind: "text", text: "files" },
          { kind: "greedy", name: "path" },
        ],
      },
    ],
    cors: null,
  })
  assert.deepEqual(planOf(http(["$default", "GET /x"], "./x.ts"))?.http?.routes[0], { key: "$default", method: "ANY", segments: null })
})

test("a typed function has its code in the service, and its schemas in the plan", () => {
  const order = http("POST /orders", {
    input: z.object({ item: z.string(), n: z.coerce.number() }),
    output: z.object({ ordered: z.string() }),
    run: ({ item, n }, ctx) => ({ ordered: `${n} ${item} ${ctx.requestId}` }),
  })
  const { plan, functions } = compile(service("shop", [order]))
  assert.deepEqual(plan.functions[0]?.source, { kind: "typed", file: "" })
  assert.deepEqual(Object.keys((plan.functions[0]?.http?.inputSchema as { properties?: object } | undefined)?.properties ?? {}), ["item", "n"])
  assert.ok(functions.get("post-orders")?.input !== undefined)
  // @ts-expect-error the answer lacks its field
  http("POST /orders", { output: z.object({ ordered: z.string() }), run: () => ({ order: "x" }) })
})

test("two functions with one route are refused, whatever their parameters are called", () => {
  const both = [http("GET /orders/{id}", "./a.ts", { name: "a" }), http("GET /orders/{order}", "./b.ts", { name: "b" })]
  assert.throws(() => service("shop", both), { code: "MR1103", message: /functions "a" and "b" both answer "GET \/orders\/\{order\}"/ })
  assert.ok(service("shop", [http("GET /orders/{id}", "./a.ts"), http("ANY /orders/{id}", "./b.ts"), http("GET /orders/all", "./c.ts")]))
})

test("a route that means nothing, or is the node's own, is refused where it is written", () => {
  const refusals: readonly (readonly [route: string, said: RegExp])[] = [
    ["orders", /expected a route such as/],
    ["post /orders", /expected a route such as/],
    ["FETCH /orders", /expected a route such as/],
    ["GET /", /is an address of the node itself/],
    ["GET /v1/orders", /is an address of the node itself/],
    ["GET /metrics", /is an address of the node itself/],
    ["ANY /{proxy+}", /use "\$default"/],
    ["GET /a/{rest+}/b", /must be the last segment/],
    ["GET /a/{x}/{x}", /stands there twice/],
    ["GET /a//b", /"" is not a segment of a path/],
    ["GET /a/{x", /is not a segment of a path/],
    ["GET /a%20b", /is not a segment of a path/],
  ]
  for (const [route, said] of refusals) assert.throws(() => http(route, "./a.ts"), (error: Error & { code?: string }) => error.code === "MR1101" && said.test(error.message), route)
  assert.throws(() => http([], "./a.ts"), { code: "MR1101" })
  assert.throws(() => http("GET /a", "./a.ts", { timeout: "31s" }), /"31s" is more than 30 s/)
  assert.throws(() => http("GET /a", "./a.ts", { cors: { origins: ["shop.example"] } }), /"shop\.example" is not an origin/)
  assert.throws(() => http("GET /a", "./a.ts", { cors: { credentials: true } }), /credentials need origins by name/)
  assert.throws(() => http("GET /a", { input: {} as never, run: () => 1 }), /input: expected a Standard Schema/)
})

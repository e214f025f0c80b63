import assert from "node:assert/strict"
import { test } from "node:test"
import { z } from "zod"
import { service, stream, task } from "../index.ts"

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Compiles if the two are the same. */
function same<A, B>(is: Same<A, B>): void {
  assert.equal(is, true)
}

test("a task is typed by its schemas", () => {
  const freeze = task("freeze", {
    input: z.object({ card: z.string(), at: z.coerce.date() }),
    output: z.object({ frozen: z.boolean() }),
    key: ({ card }) => card,
    run: ({ at }, ctx) => ({ frozen: at.getTime() > ctx.attempt }),
  })
  void (async () => {
    const { frozen } = await freeze.call({ card: "1", at: "2026-01-01" })
    same<typeof frozen, boolean>(true)
    // @ts-expect-error a field is missing
    await freeze.call({ at: 1 })
  })
  // @ts-expect-error the output lacks its field
  task("wrong", { output: z.object({ n: z.number() }), run: () => ({ m: 1 }) })
  const plain = task("plain", { run: (_input: unknown) => 7 })
  same<Awaited<ReturnType<typeof plain.call>>, number>(true)
  const many = task("many", { input: z.number(), batch: { size: 10, wait: "1s" }, run: (all) => all.map((n) => String(n)) })
  same<Awaited<ReturnType<typeof many.call>>, string>(true)
  assert.deepEqual([freeze.name, plain.name, many.name], ["freeze", "plain", "many"])
})

test("callers get what the schema of the output makes, and code gives what it takes", () => {
  const weigh = task("weigh", {
    output: z.object({ size: z.number().transform(String), note: z.string().default("none"), at: z.date().transform((at) => at.toISOString()) }),
    run: () => ({ size: 1, at: new Date(0) }),
  })
  type Made = { size: string; note: string; at: string }
  same<Awaited<ReturnType<typeof weigh.call>>, Made>(true)
  const app = service("app", [weigh])
  same<NonNullable<(typeof app)["~tasks"]>["weigh"], readonly [unknown, Made]>(true)
  assert.ok(weigh.output.map(({ note, size }) => note.length + size.length))
  const many = task("many", { input: z.number().default(1), output: z.string().transform(Number), batch: { size: 10, wait: "1s" }, run: (all) => all.map((n) => String(n + 1)) })
  same<Awaited<ReturnType<typeof many.call>>, number>(true)
  void (async () => many.call(undefined))
  // @ts-expect-error the code gives what the schema takes, not what it makes
  task("given", { output: z.object({ size: z.number().transform(String) }), run: () => ({ size: "1" }) })
})

test("a schema that gives or takes what JSON cannot carry does not compile", () => {
  const run = (): never => {
    throw new Error("never")
  }
  // @ts-expect-error an output is JSON: z.date().transform((at) => at.toISOString())
  task("a", { output: z.object({ at: z.date() }), run })
  // @ts-expect-error the same, further in
  task("b", { output: z.object({ all: z.array(z.object({ at: z.date() })) }), run })
  // @ts-expect-error the same, the value itself
  task("c", { output: z.date(), run })
  // @ts-expect-error the same, of a batch
  task("d", { output: z.map(z.string(), z.number()), batch: { size: 2, wait: "1s" }, run })
  // @ts-expect-error an input is JSON: z.coerce.date()
  task("e", { input: z.object({ at: z.date() }), run })
  // @ts-expect-error the same, of one of several
  task("f", { input: z.union([z.string(), z.bigint()]), run })
  const free = task("g", { input: z.object({ at: z.coerce.date(), any: z.any(), some: z.unknown() }), output: z.record(z.string(), z.unknown()), run })
  assert.equal(free.name, "g")
})

test("without a schema the output's type is what JSON makes of what the code gives", () => {
  const now = task("now", { run: (): { at: Date; late?: Date; list: Array<number | undefined>; left: string | undefined } => ({ at: new Date(0), list: [], left: "" }) })
  same<Awaited<ReturnType<typeof now.call>>, { at: string; late?: string; list: Array<number | null>; left: string | undefined }>(true)
  const none = task("none", { run: async () => {} })
  same<Awaited<ReturnType<typeof none.call>>, null>(true)
  interface Tree {
    readonly name: string
    readonly under: readonly Tree[]
  }
  const tree = task("tree", { run: (given: Tree) => given })
  void (async (): Promise<Tree> => tree.call({ name: "a", under: [] }))
  const free = task("free", { run: (given: unknown) => given })
  same<Awaited<ReturnType<typeof free.call>>, unknown>(true)
  assert.equal(free.name, "free")
})

test("a flow ends only in a task that takes its values", () => {
  const freeze = task("freeze", { input: z.object({ card: z.string() }), run: () => 1 })
  const cards = stream<{ card: string }>("cards")
  assert.ok(cards.to(freeze))
  // @ts-expect-error a number is no card
  cards.map(({ card }) => card.length).to(freeze)
})

test("a service knows its tasks by their names", () => {
  const freeze = task("freeze", { input: z.object({ card: z.string() }), output: z.number(), run: () => 1 })
  const app = service("app", [freeze, stream("kept")])
  type Tasks = NonNullable<(typeof app)["~tasks"]>
  same<Tasks["freeze"], readonly [{ card: string }, number]>(true)
  same<keyof Tasks, "freeze">(true)
  assert.equal(app.name, "app")
})

test("a service knows the tasks that its flows end in, by their names", () => {
  const freeze = task("freeze", { input: z.object({ card: z.string() }), output: z.number(), run: () => 1 })
  const unfreeze = task("unfreeze", { input: z.object({ card: z.string() }), output: z.string(), run: () => "" })
  const both = task("both", { run: (input: unknown) => input !== undefined })
  const cards = stream<{ card: string }>("cards")
  const app = service("app", [
    cards.to(freeze),
    unfreeze.on(cards, { input: ({ card }) => ({ card }) }),
    cards.to(both),
    both,
    cards.to(stream<{ card: string }>("kept")),
  ])
  type Tasks = NonNullable<(typeof app)["~tasks"]>
  same<Tasks["freeze"], readonly [{ card: string }, number]>(true)
  same<Tasks["unfreeze"], readonly [{ card: string }, string]>(true)
  same<Tasks["both"], readonly [unknown, boolean]>(true)
  same<keyof Tasks, "freeze" | "unfreeze" | "both">(true)
  assert.equal(app.name, "app")
})

interface Order {
  readonly id: string
  readonly total: number
}

test("a task without a schema takes what its code says that it takes", () => {
  const plain = task("plain", { run: (order: Order) => order.total })
  const method = task("method", {
    key: (order: Order) => order.id,
    async run(order: Order, ctx) {
      return `${order.id} ${ctx.attempt}`
    },
  })
  const many = task("many", { batch: { size: 2, wait: "1s" }, run: (orders: readonly Order[]) => orders.map(({ id }) => id) })
  const anything = task("anything", { cron: { expression: "0 7 * * *", input: {} }, run: () => 1 })
  const unsaid = task("unsaid", { run: (input) => String(input) })
  void (async () => {
    const total = await plain.call({ id: "17", total: 5 })
    same<typeof total, number>(true)
    // @ts-expect-error a field is missing
    await plain.call({ id: "17" })
    // @ts-expect-error a field is missing
    await method.send({ id: "17" })
    // @ts-expect-error a field is missing
    await many.sendMany([{ id: "17" }])
    await anything.call([1])
    await unsaid.call({ x: 1 })
  })
  const orders = stream<Order>("orders")
  const app = service("shop", [plain, method, many, anything, unsaid, orders.to(plain)])
  type Tasks = NonNullable<(typeof app)["~tasks"]>
  same<Tasks["plain"], readonly [Order, number]>(true)
  same<Tasks["method"], readonly [Order, string]>(true)
  same<Tasks["many"], readonly [Order, string]>(true)
  same<Tasks["anything"], readonly [unknown, number]>(true)
  same<Tasks["unsaid"], readonly [unknown, string]>(true)
  // @ts-expect-error an order without a total
  orders.map(({ id }) => ({ id })).to(plain)
  // @ts-expect-error what the cron gives is no order
  assert.ok(task("daily", { cron: { expression: "0 7 * * *", input: { id: 1 } }, run: (order: Order) => order.total }))
  assert.equal(app.name, "shop")
})

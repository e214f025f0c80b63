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

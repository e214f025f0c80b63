// What passes between a task and others: its schemas stand between its code and JSON, on the way in and on the way out.
import assert from "node:assert/strict"
import { test } from "node:test"
import type { MillraceError } from "@millrace/model"
import { service, stream, task } from "@millrace/sdk"
import * as v from "valibot"
import { z } from "zod"
import { testService } from "../src/index.ts"

const shaped = z.object({
  id: z.string().trim(),
  size: z.number().transform((n) => `${n} kg`),
  note: z.string().default("none"),
  at: z.date().transform((at) => at.toISOString()),
})
const weighed = task("weigh", {
  input: z.object({ id: z.string(), kg: z.coerce.number(), on: z.coerce.date() }),
  output: shaped,
  run: ({ id, kg, on }) => ({ id: ` ${id} `, size: kg, at: on, more: 1 }),
})
const given = { id: "a", kg: "7", on: "2026-01-02" }
const made = { id: "a", size: "7 kg", note: "none", at: "2026-01-02T00:00:00.000Z" }

test("what the schema of an output makes is what callers get, what is kept and what flows read", async () => {
  const outer = task("outer", { run: async (input: typeof given) => ({ got: await weighed.call(input), sent: await (await weighed.send(input)).result() }) })
  const read = stream<z.output<typeof shaped>>("read")
  const run = await testService(service("scale", [outer, weighed, weighed.output.to(read)]))
  assert.deepEqual(await run.call(weighed, given), made)
  assert.deepEqual(run.runs(weighed)[0]?.output, made)
  assert.deepEqual(await run.call(outer, given), { got: made, sent: made })
  assert.deepEqual(run.values(read), [made, made, made])
  assert.deepEqual(run.deadLetters("weigh.output"), [])
})

test("each result of a batch is what the schema makes of it, and one that does not fit fails alone", async () => {
  const twice = task("twice", {
    input: z.number().default(1),
    output: z.number().max(10).transform(String),
    batch: { size: 3, wait: "1s" },
    run: (all) => all.map((n) => (n === 4 ? new TypeError("four") : n * 2)),
  })
  const run = await testService(service("s", [twice]))
  await run.enqueue(twice, [1, 4, 6])
  await run.advance("2s")
  await run.settle()
  const ends = run.runs(twice)
  assert.deepEqual(ends.map(({ output }) => output), ["2", undefined, undefined])
  assert.deepEqual(ends.map(({ error }) => error?.code), [undefined, "MR1201", "MR1206"])
})

test("an output whose schema gives what JSON does not give back fails its run, and the reason names the place", async () => {
  const dated = z.object({ at: z.any() })
  const faults: ReadonlyArray<readonly [unknown, RegExp]> = [
    [new Date(0), /task "give", output: what its schema gives is not JSON: at: a Date is a text in JSON; give date\.toISOString\(\)/],
    [[{ when: new Date(0) }], /at\.0\.when: a Date/],
    [new Map(), /at: a Map has no JSON form/],
    [[undefined], /at\.0: undefined in a list is null/],
    [new (class Point {})(), /at: JSON does not keep what is of the class Point/],
  ]
  for (const [at, says] of faults) {
    const give = task("give", { output: dated, retry: 5, run: () => ({ at }) })
    const run = await testService(service("s", [give]))
    await assert.rejects(run.call(give, null), (error: MillraceError) => error.code === "MR1206" && says.test(error.message))
    assert.equal(run.runs(give)[0]?.attempt, 1)
  }
})

test("without a schema an output is what JSON makes of it", async () => {
  const give = task("give", { run: () => ({ at: new Date(0), left: undefined as string | undefined, list: [1, undefined] }) })
  const nothing = task("nothing", { run: () => undefined })
  const run = await testService(service("s", [give, nothing]))
  const { at, list }: { readonly at: string; readonly list: ReadonlyArray<number | null> } = await run.call(give, 1)
  assert.deepEqual([at, list], ["1970-01-01T00:00:00.000Z", [1, null]])
  const none: null = await run.call(nothing, 1)
  assert.equal(none, null)
})

test("an output may be checked by an asynchronous schema", async () => {
  const later = z.object({ n: z.number().refine(async (n) => Promise.resolve(n < 3), "too much") }).transform(async ({ n }) => Promise.resolve({ n: n + 1 }))
  const known = v.objectAsync({ n: v.pipeAsync(v.number(), v.checkAsync(async (n) => Promise.resolve(n < 3), "too much")) })
  for (const [output, first] of [[later, 3], [known, 2]] as const) {
    const give = task("give", { output, run: (n: unknown) => ({ n: n as number }) })
    const run = await testService(service("s", [give]))
    assert.deepEqual(await run.call(give, 2), { n: first })
    await assert.rejects(run.call(give, 3), { code: "MR1206", message: 'task "give", output: n: too much' })
  }
})

test("what a flow sends to a task loses nothing on its way, or is a dead letter that says why", async () => {
  const days = stream("days", { schema: z.object({ at: z.coerce.date(), odd: z.boolean() }) })
  const note = task("note", { input: z.object({ at: z.coerce.date(), parts: z.any() }), run: ({ at, parts }) => [at.getTime(), parts] })
  const run = await testService(service("s", [days.map(({ at, odd }) => ({ at, parts: odd ? new Map([["a", 1]]) : { a: 1 } })).to(note)]))
  await run.send(days, [{ at: 5, odd: false }, { at: 6, odd: true }])
  await run.settle()
  assert.deepEqual(run.runs(note).map(({ output }) => output), [[5, { a: 1 }]])
  const [dead] = run.deadLetters(days)
  assert.equal(dead?.error.message, 'task "note", input: parts: a Map has no JSON form; give Object.fromEntries(map).')
})

test("an input whose schema turns out to be asynchronous is refused as the definition's fault, and nothing is enqueued", async () => {
  const names = stream<string>("names")
  const greet = task("greet", { input: z.string().refine(async () => Promise.resolve(true)), run: (name) => name })
  const run = await testService(service("s", [names.to(greet)]))
  await assert.rejects(run.call(greet, "ada"), { code: "MR1212", message: /^task "greet", input: its schema is asynchronous; check in its code/ })
  await run.send(names, ["ada"])
  await run.settle()
  assert.deepEqual(run.runs(greet), [])
  assert.equal(run.deadLetters(names)[0]?.error.code, "MR1212")
})

test("in a test too, a stream's function that calls a task is refused, with its name and what to do instead", async () => {
  const freeze = task("freeze", { run: (card: string) => card })
  const cards = stream<string>("cards")
  const run = await testService(service("bank", [freeze, cards.mapAsync("ask", async (card) => freeze.call(card), { retry: 1 }).to(stream<string>("frozen"))]))
  await run.send(cards, ["a"])
  await run.settle()
  assert.deepEqual(run.runs(freeze), [])
  const [dead] = run.deadLetters(cards)
  assert.match(dead?.error.message ?? "", /^operator "ask": its code called task "freeze", and functions of streams call no tasks: .* Send records to the task with \.to\(task\)/)
})

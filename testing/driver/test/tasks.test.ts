import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError } from "@millrace/model"
import { NonRetryableError, RetryAfter, service, stream, task } from "@millrace/sdk"
import { z } from "zod"
import { crashEverywhere, testService } from "../src/index.ts"

const calls: string[] = []

const freeze = task("freeze", {
  input: z.object({ card: z.string() }),
  output: z.object({ frozen: z.string() }),
  key: ({ card }) => card,
  retry: { attempts: 5, backoff: { first: "1h", factor: 10, most: "60d", jitter: false } },
  timeout: "10m",
  retention: "365d",
  run({ card }, ctx) {
    calls.push(`${card} ${ctx.attempt}`)
    ctx.log("freezing", card)
    if (card === "stolen") throw new NonRetryableError("too late")
    if (card === "stuck") return new Promise<never>((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error)))
    ctx.progress({ card })
    return { frozen: card }
  },
})
const tell = task("tell", {
  input: z.object({ card: z.string() }),
  async run({ card }) {
    const { frozen } = await freeze.call({ card })
    return `${frozen} is frozen`
  },
})
const cards = stream<{ card: string }>("cards", { key: ({ card }) => card })
const frozen = stream<{ frozen: string }>("frozen")
const app = service("bank", [cards.to(freeze), tell, freeze.output.to(frozen)])

test("a task's code runs, and its run is there to be looked at", async () => {
  const bank = await testService(app)
  assert.deepEqual(await bank.call(freeze, { card: "4711" }), { frozen: "4711" })
  const [run, ...others] = bank.runs(freeze)
  assert.deepEqual([run?.status, run?.input, run?.output, run?.key, others], ["succeeded", { card: "4711" }, { frozen: "4711" }, "4711", []])
  assert.deepEqual(run?.attempts.map(({ outcome, logs }) => [outcome, logs]), [["succeeded", ["freezing 4711"]]])
  assert.deepEqual(bank.told, [{ run: "freeze-0", kind: "progress", value: { card: "4711" } }])
  assert.deepEqual(bank.values(frozen), [{ frozen: "4711" }])
})

test("months of retries take milliseconds", async () => {
  const bank = await testService(app)
  bank.failAttempts(freeze, [1, 2, 3, 4], new Error("the bank is closed"))
  const [id = ""] = await bank.enqueue(freeze, [{ card: "1" }])
  assert.deepEqual([bank.run(id).status, bank.run(id).error?.message], ["delayed", "Error: the bank is closed"])
  await bank.advance("120d")
  const { status, attempts } = bank.run(id)
  assert.deepEqual([status, attempts.map(({ outcome }) => outcome)], ["succeeded", ["failed", "failed", "failed", "failed", "succeeded"]])
  const hours = attempts.map(({ startedAt }) => (startedAt.getTime() - (attempts[0]?.startedAt.getTime() ?? 0)) / 3_600_000)
  assert.deepEqual(hours, [0, 1, 11, 111, 1111])
})

test("code that never ends is timed out by the clock", async () => {
  const bank = await testService(app, { patience: 10 })
  const [id = ""] = await bank.enqueue(freeze, [{ card: "stuck" }])
  assert.equal(bank.run(id).status, "running")
  await bank.advance("10m")
  assert.deepEqual([bank.run(id).status, bank.run(id).attempts[0]?.outcome, bank.run(id).error?.code], ["delayed", "timed-out", "MR1202"])
  await bank.cancel(id)
  assert.equal(bank.run(id).status, "cancelled")
})

test("a run that fails for good throws its error; one that waits says so", async () => {
  const bank = await testService(app)
  await assert.rejects(bank.call(freeze, { card: "stolen" }), /too late/)
  await bank.pause(freeze)
  await assert.rejects(bank.call(freeze, { card: "2" }), (error) => isMillraceError(error) && error.code === "MR1208")
  await bank.resume(freeze)
  assert.equal(bank.runs(freeze).at(-1)?.status, "succeeded")
  await assert.rejects(bank.enqueue(freeze, [{ card: 5 as unknown as string }]), (error) => isMillraceError(error) && error.code === "MR1023")
  await assert.rejects(bank.call(task("other", { run: () => 1 }), 1), (error) => isMillraceError(error) && error.code === "MR1022")
  assert.throws(() => bank.run("freeze-99"), (error) => isMillraceError(error) && error.code === "MR1024")
})

test("a call waits for the run's end, however many of its attempts fail before, and rejects only then", async () => {
  const bank = await testService(app)
  bank.failAttempts(freeze, [1, 2], new Error("the bank is closed"))
  assert.deepEqual(await bank.call(freeze, { card: "1" }), { frozen: "1" })
  assert.equal(bank.run("freeze-0").attempts.length, 3)
  bank.failAttempts(freeze, [1, 2, 3, 4, 5], new Error("the bank is gone"))
  await assert.rejects(bank.call(freeze, { card: "2" }), /the bank is/)
  assert.deepEqual([bank.run("freeze-1").status, bank.run("freeze-1").attempts.length], ["failed", 5])
  // Nothing that is due brings this one to its end, and the retention of others is not waited for.
  const stands = bank.now.getTime()
  await bank.pause(freeze)
  await assert.rejects(bank.call(freeze, { card: "3" }), (error) => isMillraceError(error) && error.code === "MR1208")
  assert.equal(bank.now.getTime(), stands)
})

test("large inputs and outputs are with their runs as on a node, and go with them", async () => {
  const twice = task("twice", { retention: "1d", run: (text: unknown) => String(text) + String(text) })
  const size = task("size", { run: async (count: unknown) => (await twice.call("x".repeat(Number(count)))).length })
  const app = await testService(service("large", [twice, size]))
  const large = "x".repeat(1_500_000)
  assert.equal((await app.call(twice, large)).length, 3_000_000)
  assert.deepEqual([app.run("twice-0").input, app.runs(twice)[0]?.input], [large, { $stored: { name: "twice/1.json", bytes: 1_500_002 } }])
  assert.equal(await app.call(size, 1_200_000), 2_400_000)
  await assert.rejects(app.call(twice, "x".repeat(9_000_000)), (error) => isMillraceError(error) && error.code === "MR1206")
  await app.advance("3d")
  assert.throws(() => app.run("twice-0"), (error) => isMillraceError(error) && error.code === "MR1024")
})

test("the code of a task calls another, also one that has to wait", async () => {
  const bank = await testService(app, { patience: 20 })
  assert.equal(await bank.call(tell, { card: "7" }), "7 is frozen")
  bank.failAttempts(freeze, [1])
  const [id = ""] = await bank.enqueue(tell, [{ card: "8" }])
  assert.equal(bank.run(id).status, "running")
  await bank.advance("2h")
  assert.equal(bank.run(id).output, "8 is frozen")
  assert.deepEqual(bank.runs(freeze).map(({ trigger }) => trigger), ["task", "task"])
})

test("a call goes on to what is due of the runs that its run awaits, however far that is", async () => {
  const seen: number[] = []
  const child = task("child", {
    retry: { attempts: 3, backoff: { first: "3d", factor: 2, most: "30d", jitter: false } },
    run: (_: unknown, { attempt }) => {
      seen.push(attempt)
      if (attempt < 3) throw new Error("later")
      return "done"
    },
  })
  const stuck = task("stuck", { retry: 1, timeout: "5d", run: (): Promise<string> => new Promise(() => undefined) })
  const parent = task("parent", { retry: 1, run: async (which: unknown): Promise<string> => (which === "stuck" ? stuck : child).call({}) })
  const bank = await testService(service("family", [parent, child, stuck]), { patience: 20 })
  assert.deepEqual([await bank.call(parent, "child"), seen], ["done", [1, 2, 3]])
  await assert.rejects(bank.call(parent, "stuck"), (error) => isMillraceError(error) && error.code === "MR1202")
})

test("a RetryAfter is tried again whatever retry.only lists; what else is not in it ends the run", async () => {
  const ask = task("ask", {
    retry: { attempts: 3, only: [TypeError] },
    run: (how: unknown, { attempt }) => {
      if (attempt < 3) throw how === "later" ? new RetryAfter("1h") : how === "final" ? new NonRetryableError("no") : new Error("other")
      return attempt
    },
  })
  const bank = await testService(service("asks", [ask]))
  assert.equal(await bank.call(ask, "later"), 3)
  await assert.rejects(bank.call(ask, "final"), /no/)
  await assert.rejects(bank.call(ask, "other"), /other/)
  assert.deepEqual(bank.runs(ask).map(({ attempt }) => attempt), [3, 1, 1])
})

test("an option of a call that there is not is refused, the nearest named, and so is an empty idempotency key", async () => {
  const bank = await testService(app, { patience: 20 })
  const typo = { dely: "5m" } as object
  const refused = (code: string, message: RegExp) => (error: unknown) => isMillraceError(error) && error.code === code && message.test(error.message)
  const named = refused("MR1101", /^task "freeze", options of a call: there is no option "dely"; there are, nearest first: delay, /)
  await assert.rejects(bank.enqueue(freeze, [{ card: "1" }], typo), named)
  await assert.rejects(bank.call(freeze, { card: "1" }, typo), named)
  await assert.rejects(bank.call(freeze, { card: "1" }, "5m" as unknown as object), refused("MR1101", /expected an object/))
  await assert.rejects(bank.enqueue(freeze, [{ card: "1" }], { idempotencyKey: "" }), refused("MR1009", /1 to 256 characters/))
  const teller = task("teller", { retry: 1, run: async (bulk: unknown) => (bulk === true ? freeze.sendMany([], typo) : freeze.send({ card: "1" }, typo)) })
  const caller = task("caller", { retry: 1, run: async () => freeze.call({ card: "1" }, typo) })
  const inside = await testService(service("inside", [freeze, teller, caller]), { patience: 20 })
  await assert.rejects(inside.call(teller, true), named)
  await assert.rejects(inside.call(teller, false), named)
  await assert.rejects(inside.call(caller, {}), named)
  assert.deepEqual([bank.runs(freeze), inside.runs(freeze)], [[], []])
})

test("a cron that a node refuses is refused by a test", async () => {
  for (const [expression, why] of [["61 * * * *", "cannot be read"], ["0 25 * * *", "cannot be read"], ["0 0 30 2 *", "is never due"]] as const) {
    const never = task("never", { cron: { expression, input: {} }, run: () => null })
    await assert.rejects(testService(service("crons", [never])), (error) => isMillraceError(error) && error.code === "MR1101" && error.message.includes(`task "never", cron: "${expression}" ${why}`))
  }
})

test("a call that would wait for a place that its own callers hold is refused, and the others go on", async () => {
  const refused = (chain: RegExp) => (error: unknown) => isMillraceError(error) && error.code === "MR1211" && chain.test(error.message)
  const tree = task("tree", { input: z.number(), retry: 1, concurrency: 2, run: async (n): Promise<number> => (n === 0 ? 0 : 1 + (await tree.call(n - 1))) })
  const forest = await testService(service("forest", [tree]), { patience: 20 })
  assert.equal(await forest.call(tree, 1), 1)
  await assert.rejects(forest.call(tree, 2), refused(/tree-2 → tree-3 → tree-4|tree-3 → tree-4/))
  assert.deepEqual(forest.runs(tree).map(({ status }) => status), ["succeeded", "succeeded", "failed", "failed", "cancelled"])

  const keyed = task("keyed", {
    input: z.object({ card: z.string(), again: z.string().optional() }),
    retry: 1,
    concurrency: { perKey: 1 },
    key: ({ card }) => card,
    run: async ({ card, again }): Promise<string> => (again === undefined ? card : keyed.call({ card: again })),
  })
  const cards = await testService(service("keyed", [keyed]), { patience: 20 })
  assert.equal(await cards.call(keyed, { card: "a", again: "b" }), "b")
  await assert.rejects(cards.call(keyed, { card: "a", again: "a" }), refused(/1 of a key/))
})

test("what a run has called and waits for is cancelled with it, when it is cancelled or its time is over", async () => {
  const leaf = task("leaf", { retry: 1, input: z.string(), run: (_, ctx) => new Promise<never>((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error))) })
  const middle = task("middle", { retry: 1, input: z.string(), run: (name) => leaf.call(name) })
  const top = task("top", {
    retry: { attempts: 2, backoff: { first: "1s", jitter: false } },
    timeout: { attempt: "1m", run: "10m" },
    input: z.object({ key: z.boolean().optional(), sends: z.boolean().optional() }),
    async run({ key = false, sends = false }, ctx) {
      if (sends) return (await leaf.send("sent")).result()
      return middle.call("called", key ? { idempotencyKey: `${ctx.run}/middle` } : {})
    },
  })
  const app = service("tree", [top, middle, leaf])
  const stand = (test: Awaited<ReturnType<typeof testService>>) => [top, middle, leaf].map((each) => test.runs(each).map(({ status }) => status))

  const cancelled = await testService(app, { patience: 20 })
  const [id = ""] = await cancelled.enqueue(top, [{}])
  assert.deepEqual(stand(cancelled), [["running"], ["running"], ["running"]])
  await cancelled.cancel(id)
  assert.deepEqual(stand(cancelled), [["cancelled"], ["cancelled"], ["cancelled"]])
  assert.equal(cancelled.run("middle-0").error?.message, "It was cancelled, as run top-0, which had called it, was cancelled.")
  assert.equal(cancelled.run("leaf-0").error?.message, "It was cancelled, as run middle-0, which had called it, was cancelled.")

  const late = await testService(app, { patience: 20 })
  await late.enqueue(top, [{}])
  await late.advance("61s")
  // The second attempt has called it again.
  assert.deepEqual(stand(late), [["running"], ["cancelled", "running"], ["cancelled", "running"]])
  await late.advance("2m")
  assert.deepEqual(stand(late), [["failed"], ["cancelled", "cancelled"], ["cancelled", "cancelled"]])

  // Under a key it is the run's: the second attempt waits on for it. Begun again, the run calls anew.
  const keyed = await testService(app, { patience: 20 })
  await keyed.enqueue(top, [{ key: true }])
  await keyed.advance("62s")
  assert.deepEqual(stand(keyed), [["running"], ["running"], ["running"]])
  await keyed.cancel("top-0")
  assert.deepEqual(stand(keyed), [["cancelled"], ["cancelled"], ["cancelled"]])
  await keyed.retry("top-0")
  assert.deepEqual(stand(keyed), [["running"], ["cancelled", "running"], ["cancelled", "running"]])

  // What is sent is a run of its own, and so is what somebody else has joined.
  const own = await testService(app, { patience: 20 })
  await own.enqueue(top, [{ sends: true }, { key: true }])
  await own.enqueue(middle, ["called"], { idempotencyKey: "top-1/middle" })
  await own.cancel("top-0")
  await own.cancel("top-1")
  assert.deepEqual(stand(own), [["cancelled", "cancelled"], ["running"], ["running", "running"]])
})

test("a handle tells how its run stands, cancels it, and begins it again", async () => {
  const slow = task("slow", {
    retry: 1,
    input: z.object({ parts: z.number() }),
    output: z.object({ on: z.number() }),
    async run({ parts }, ctx) {
      ctx.progress({ of: parts })
      ctx.log("begins")
      if (parts > 1) await new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error)))
      return { on: 7 }
    },
  })
  const manager = task("manager", {
    retry: 1,
    run: async () => {
      const quick = await slow.send({ parts: 1 })
      const { on } = await quick.result()
      const done = await quick.run()
      await assert.rejects(quick.cancel(), { code: "MR1032", message: "Run slow-0 has succeeded; there is nothing left to cancel." })
      const handle = await slow.send({ parts: 2 })
      let details = await handle.run()
      while (details.progress === undefined) details = await handle.run()
      await handle.cancel()
      await assert.rejects(handle.result(), { code: "MR1207" })
      const { status, error, attempts } = await handle.run()
      await handle.retry()
      await assert.rejects(handle.retry(), { code: "MR1032" })
      return [[on, done.output?.on, done.status, done.task], [details.status, details.progress, details.startedAt instanceof Date], [status, error?.code, attempts.map(({ outcome }) => outcome)]]
    },
  })
  const bank = await testService(service("bank", [manager, slow]), { patience: 20 })
  assert.deepEqual(await bank.call(manager, {}), [[7, 7, "succeeded", "slow"], ["running", { of: 2 }, true], ["cancelled", "MR1207", ["cancelled"]]])
  assert.deepEqual(bank.runs(slow).map(({ status }) => status), ["succeeded", "running"])
})

test("tasks that call each other in a circle come to an end", async () => {
  const round = task("round", {
    input: z.number(),
    retry: 1,
    run: async (n): Promise<number> => (await round.send(n + 1), n),
  })
  const bank = await testService(service("circle", [round]))
  await bank.enqueue(round, [0])
  const runs = bank.runs(round)
  assert.deepEqual([runs.length, runs.at(-1)?.status, runs.at(-1)?.error?.code], [51, "failed", "MR1209"])
})

test("a repeat with an idempotency key is one run", async () => {
  const bank = await testService(app)
  const [first] = await bank.enqueue(freeze, [{ card: "1" }], { idempotencyKey: "k" })
  assert.deepEqual(await bank.enqueue(freeze, [{ card: "1" }], { idempotencyKey: "k" }), [first])
  assert.equal(bank.runs(freeze).length, 1)
})

test("a key that came with another input is refused, in a test and from the code of a task, and nothing is enqueued", async () => {
  const ship = task("ship", {
    input: z.object({ cards: z.array(z.string()), key: z.string() }),
    retry: 1,
    async run({ cards: [first = "", ...others], key }) {
      if (others.length === 0) return (await freeze.call({ card: first }, { idempotencyKey: key })).frozen
      return (await freeze.sendMany([first, ...others].map((card) => ({ card })), { idempotencyKey: key })).map(({ id }) => id)
    },
  })
  const bank = await testService(service("bank", [freeze, ship]))
  const [id] = await bank.enqueue(freeze, [{ card: "1" }], { idempotencyKey: "k" })
  const refused = (error: unknown): boolean => isMillraceError(error) && error.code === "MR1011" && error.message.includes('task "freeze": the idempotency key "k" was used before with another input')
  await assert.rejects(bank.enqueue(freeze, [{ card: "2" }], { idempotencyKey: "k" }), refused)
  await assert.rejects(bank.call(ship, { cards: ["2"], key: "k" }), refused)
  await assert.rejects(bank.call(ship, { cards: ["2", "3"], key: "k" }), refused)
  assert.equal(await bank.call(ship, { cards: ["1"], key: "k" }), "1")
  assert.deepEqual(bank.runs(freeze).map((run) => run.id), [id])
  const bulk = await bank.call(ship, { cards: ["4", "5"], key: "b" })
  assert.deepEqual(await bank.call(ship, { cards: ["4", "5"], key: "b" }), bulk)
  assert.equal(bank.runs(freeze).length, 3)
})

test("more inputs than one request carries are enqueued in parts, in the code of a task and in a test; a wrong one says what is enqueued", async () => {
  const note = task("note", { input: z.number().max(60_000), run: () => null })
  const many = task("many", { input: z.object({ last: z.number() }), retry: 1, run: async ({ last }) => (await note.sendMany([...Array.from({ length: 50_000 }, (_, i) => i), last], { delay: "1d", idempotencyKey: "all" })).map(({ id }) => id) })
  const works = await testService(service("notes", [note, many]), { patience: 1_000 })
  const wrong = (error: unknown): boolean => isMillraceError(error) && error.code === "MR1023" && error.message.includes("inputs 0 to 49999 of 50001 are enqueued") && error.details["enqueued"] === 50_000
  await assert.rejects(works.call(many, { last: 99_999 }), wrong)
  const ids = await works.call(many, { last: 1 })
  assert.deepEqual([ids.length, new Set(ids).size, ids[0]], [50_001, 50_001, "note-0"])
  const inputs = [...Array.from({ length: 50_000 }, (_, i) => i), 1]
  assert.deepEqual(await works.enqueue(note, inputs, { delay: "1d", idempotencyKey: "all" }), ids)
  await assert.rejects(works.enqueue(note, inputs.with(50_000, 99_999), { delay: "1d" }), wrong)
})

test("a crash between any two transitions leaves each record one run and one output", async () => {
  const wanted = await crashEverywhere(
    app,
    async (bank) => {
      bank.failAttempts(freeze, [1])
      await bank.send(cards, ["a", "b", "c", "d"].map((card) => ({ card })))
      await bank.advance("3h")
      return bank.runs(freeze).map(({ key, status }) => [key, status]).toSorted(([a = ""], [b = ""]) => a.localeCompare(b))
    },
    { patience: 50 },
  )
  assert.deepEqual(wanted, ["a", "b", "c", "d"].map((card) => [card, "succeeded"]))
})

test("a cron runs by the test's clock", async () => {
  const report = task("report", { cron: { expression: "0 7 * * 1-5", timeZone: "Europe/Berlin", input: { daily: true } }, run: (_, ctx) => ctx.scheduledAt?.toISOString() })
  const office = await testService(service("office", [report]), { now: "2026-11-20T00:00:00Z" })
  await office.advance("5d")
  assert.deepEqual(office.runs(report).map(({ output }) => output), ["2026-11-20T06:00:00.000Z", "2026-11-23T06:00:00.000Z", "2026-11-24T06:00:00.000Z"])
  assert.deepEqual(office.runs(report).map(({ output, scheduledAt }) => output === scheduledAt?.toISOString()), [true, true, true])
})

test("an output that JSON cannot carry fails its run for good, and says what and where", async () => {
  const outputs: Readonly<Record<string, () => unknown>> = {
    big: () => ({ n: 1n }),
    circle: () => {
      const circle: unknown[] = []
      circle.push(circle)
      return circle
    },
    map: () => ({ seen: new Map([["a", 1]]) }),
  }
  const give = task("give", { run: (name: unknown) => outputs[String(name)]?.() })
  const app = await testService(service("given", [give]))
  await app.enqueue(give, Object.keys(outputs))
  assert.deepEqual(
    app.runs(give).map(({ status, error, attempts }) => [status, error?.code, attempts.length]),
    Object.keys(outputs).map(() => ["failed", "MR1206", 1]),
  )
  assert.match(app.runs(give)[2]?.error?.message ?? "", /^task "give", output: seen: a Map has no JSON form; give Object\.fromEntries\(map\)\.$/)
  await assert.rejects(app.call(give, new Set(["a"])), (error) => isMillraceError(error) && error.code === "MR1023" && error.message.includes("a Set"))
})

test("what JSON cannot carry is not told: its place is named, and the run fails for good", async () => {
  const circle: unknown[] = []
  circle.push(circle)
  const values: Readonly<Record<string, unknown>> = { big: { n: 1n }, circle, nothing: undefined, large: "x".repeat(1_048_576) }
  const tell = task("tell", {
    run: ([how, name]: readonly ["progress" | "stream", string], ctx) => {
      ctx[how](values[name])
    },
  })
  const app = await testService(service("telling", [tell]))
  const says = {
    big: "n: a BigInt has no JSON form; give String(n) or Number(n).",
    circle: "0: it lies in itself, which has no JSON form.",
    nothing: "it has no JSON form (undefined).",
    large: "it has 1048578 bytes; at most 1048576 are told at once. Tell it in parts.",
  }
  for (const how of ["progress", "stream"] as const) {
    for (const [name, message] of Object.entries(says)) {
      const [id = ""] = await app.enqueue(tell, [[how, name]])
      const { status, error, attempts } = app.run(id)
      assert.deepEqual([status, error?.code, attempts.length, error?.message], ["failed", "MR1206", 1, `task "tell", ${how}: ${message}`])
    }
  }
})

test("a line tells of an error what it says, and its causes", async () => {
  const say = task("say", {
    run: (_: unknown, ctx) => {
      ctx.log("failed", new Error("boom", { cause: new TypeError("too hot") }), { inner: new Error("deep"), n: 1n, seen: new Set([1]) })
    },
  })
  const app = await testService(service("saying", [say]))
  await app.call(say, 1)
  assert.deepEqual(app.run("say-0").attempts[0]?.logs, ['failed Error: boom; cause: TypeError: too hot {"inner":"Error: deep","n":"1","seen":[1]}'])
})

test("the lines of an attempt that took too long, or was cancelled, are kept with it", async () => {
  const slow = task("slow", {
    timeout: "5s",
    retry: { attempts: 2, backoff: { first: "1s", jitter: false } },
    run: async (_: unknown, ctx) => {
      ctx.log(`attempt ${ctx.attempt}`)
      await new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error)))
    },
  })
  const app = await testService(service("waiting", [slow]), { patience: 20 })
  const [late = "", cancelled = ""] = await app.enqueue(slow, [1, 2])
  await app.cancel(cancelled)
  await app.advance("1m")
  assert.deepEqual(app.run(late).attempts.map(({ outcome, logs }) => [outcome, logs]), [["timed-out", ["attempt 1"]], ["timed-out", ["attempt 2"]]])
  assert.deepEqual(app.run(cancelled).attempts.map(({ outcome, logs }) => [outcome, logs]), [["cancelled", ["attempt 1"]]])
})

test("an attempt that is made again calls others again, unless its calls have a key", async () => {
  const child = task("child", { run: (from: unknown) => from })
  const parent = task("parent", {
    retry: { attempts: 2, backoff: { first: "1s", jitter: false } },
    run: async (keyed: unknown, ctx) => {
      await child.call(ctx.run, keyed === true ? { idempotencyKey: `${ctx.run}/child` } : {})
      if (ctx.attempt === 1) throw new Error("after the call")
    },
  })
  const app = await testService(service("family", [child, parent]))
  await app.call(parent, false)
  assert.deepEqual(app.runs(child).map(({ input }) => input), ["parent-0", "parent-0"])
  await app.call(parent, true)
  assert.deepEqual(app.runs(child).map(({ input }) => input), ["parent-0", "parent-0", "parent-1"])
})

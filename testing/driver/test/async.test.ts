import assert from "node:assert/strict"
import { scrypt } from "node:crypto"
import { createServer } from "node:http"
import { test } from "node:test"
import { gzip } from "node:zlib"
import { service, stream } from "@millrace/sdk"
import { crashEverywhere, testService } from "../src/index.ts"

interface Ask {
  readonly id: string
  readonly how: "at once" | "later" | "never" | "twice" | "throws"
}

const attempts = new Map<string, number>()

const asks = stream<Ask>("asks", { key: ({ id }) => id })
const answers = stream<{ id: string; attempt: number }>("answers", { key: ({ id }) => id })
const answered = asks.mapAsync(
  "ask",
  async ({ id, how }, { attempt, signal }) => {
    attempts.set(id, (attempts.get(id) ?? 0) + 1)
    if (how === "later") await new Promise((resolve) => setTimeout(resolve, 1))
    if (how === "never") await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)))
    if (how === "throws" || (how === "twice" && attempt < 3)) throw new Error(`attempt ${attempt}`)
    return { id, attempt }
  },
  { concurrency: 2, capacity: 3, timeout: "10m", retry: { attempts: 3, backoff: { first: "1h", factor: 10, jitter: false } } },
)
const app = service("asking", [answered.to(answers)])

test("functions that answer later are called for real, and what follows has happened when a send returns", async () => {
  const run = await testService(app)
  await run.send(asks, ["a", "b", "c", "d", "e", "f", "g", "h"].map((id, i) => ({ id, how: i % 2 === 0 ? "at once" : "later" })))
  assert.deepEqual(run.values(answers).map(({ id }) => id).toSorted(), ["a", "b", "c", "d", "e", "f", "g", "h"])
})

test("an answer that never comes is timed out by the test's clock, and retries of hours take milliseconds", async () => {
  const run = await testService(app, { patience: 10 })
  await run.send(asks, [
    { id: "1", how: "never" },
    { id: "2", how: "twice" },
    { id: "3", how: "throws" },
  ])
  assert.deepEqual(run.values(answers), [])
  await run.advance("10m")
  assert.deepEqual(run.deadLetters(asks), [])
  await run.advance("13h")
  assert.deepEqual(run.values(answers), [{ id: "2", attempt: 3 }])
  const ends = run.deadLetters(asks).map(({ value, attempts: made, error }) => [(value as Ask).id, made, error.code].join(" "))
  assert.deepEqual(ends.toSorted((a, b) => (a < b ? -1 : 1)), ["1 3 MR1202", "3 3 MR1201"])
})

test("a call that nothing can settle is not waited for, whatever the patience", { timeout: 60_000 }, async () => {
  await crashEverywhere(
    app,
    async (run) => {
      await run.send(asks, [{ id: "1", how: "never" }, { id: "2", how: "at once" }])
      await run.advance("13h")
      return [run.values(answers).length, run.deadLetters(asks).map(({ error }) => error.code)]
    },
    { patience: "1h" },
  )
})

test("code that a timer, a server or a thread will wake up is waited for", async (t) => {
  const server = createServer((_, response) => void setTimeout(() => response.end("late"), 30))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { readonly port: number }
  const works: Readonly<Record<string, () => Promise<unknown>>> = {
    timer: () => new Promise((resolve) => setTimeout(resolve, 30)),
    fetch: async () => (await fetch(`http://127.0.0.1:${port}`)).text(),
    gzip: () => new Promise((resolve) => gzip(Buffer.alloc(20_000_000), resolve)),
    scrypt: () => new Promise((resolve) => scrypt("a", "b", 64, resolve)),
  }
  const wants = stream<{ id: string }>("wants", { key: ({ id }) => id })
  const done = stream<string>("done", { key: (id) => id })
  const doing = wants.mapAsync("do", async ({ id }) => {
    await works[id]?.()
    return id
  })
  for (const id of Object.keys(works)) {
    const run = await testService(service("doing", [doing.to(done)]), { patience: "1h" })
    await run.send(wants, [{ id }])
    assert.deepEqual(run.values(done), [id])
  }
})

test("a stage that is full of calls goes on when they have ended", async () => {
  const run = await testService(app, { patience: 10 })
  await run.send(asks, Array.from({ length: 40 }, (_, i) => ({ id: `${i}`, how: i < 30 ? "never" : "at once" })))
  assert.ok(run.values(answers).length < 10)
  await run.advance("60d")
  assert.equal(run.values(answers).length, 10)
  assert.equal(run.deadLetters(asks).length, 30)
})

test("a crash between any two transactions makes calls again and counts each answer once", async () => {
  attempts.clear()
  const crashes = await crashEverywhere(app, async (run) => {
    await run.send(asks, ["a", "b", "c", "d"].map((id) => ({ id, how: "later" as const })))
    return run.values(answers).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  })
  assert.ok(crashes !== null)
  assert.ok([...attempts.values()].every((made) => made > 4), "calls were made again")
})

test("an inner lookup gives nothing where nothing was found, a left one says so, and a crash forgets the cache", async () => {
  const loads: (readonly string[])[] = []
  const load = async (keys: readonly string[]): Promise<Map<string, number>> => {
    loads.push(keys)
    return new Map(keys.filter((key) => key !== "nobody").map((key) => [key, key.length]))
  }
  const inner = stream<{ id: string; length: number }>("inner", { key: ({ id }) => id })
  const left = stream<{ id: string; length: number | null }>("left", { key: ({ id }) => id })
  const one = stream<Ask>("asks", { key: ({ id }) => id, partitions: 1 })
  const options = { key: ({ id }: Ask) => id, load, cache: { ttl: "1h" } } as const
  const run = await testService(
    service("looking", [
      one.lookup("l1", options, ({ id }, length) => ({ id, length })).to(inner),
      one.lookup("l2", { ...options, type: "left" }, ({ id }, length) => ({ id, length: length ?? null })).to(left),
    ]),
  )
  const some: readonly Ask[] = ["abc", "nobody", "abc"].map((id) => ({ id, how: "at once" }))
  await run.send(one, some)
  assert.deepEqual(run.values(inner), [{ id: "abc", length: 3 }, { id: "abc", length: 3 }])
  assert.deepEqual(run.values(left).filter(({ length }) => length === null), [{ id: "nobody", length: null }])
  assert.deepEqual(loads, [["abc", "nobody"], ["abc", "nobody"]])
  await run.send(one, some)
  assert.equal(loads.length, 2)
  await run.crash()
  await run.send(one, some)
  assert.equal(loads.length, 4)
})

import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError } from "@millrace/model"
import fc from "fast-check"
import { type Backoff, waitAfter } from "./backoff.ts"
import { type Client, createClient } from "./client.ts"
import { problemOf } from "./problem.ts"
import type { TransportRequest, TransportResponse } from "./transport.ts"

type Step = TransportResponse | Error
type Call = TransportRequest & { readonly url: string }

/** A transport that answers by a script, and notes what it was asked. */
function scripted(steps: readonly Step[], backoff?: Backoff): { client: Client; calls: Call[]; waits: number[] } {
  const rest = [...steps]
  const calls: Call[] = []
  const waits: number[] = []
  const client = createClient({
    url: "http://node:7070/",
    fetch: (url, request) => {
      calls.push({ url, ...request })
      const step = rest.shift()
      if (step === undefined) return Promise.reject(new Error("the script is at its end"))
      return step instanceof Error ? Promise.reject(step) : Promise.resolve(step)
    },
    sleep: (ms) => {
      waits.push(ms)
      return Promise.resolve()
    },
    random: () => 0.5,
    ...(backoff === undefined ? {} : { backoff }),
  })
  return { client, calls, waits }
}

function answer(status: number, body: unknown, headers: Record<string, string> = {}): TransportResponse {
  return {
    status,
    headers: { get: (name) => headers[name] ?? null },
    body: null,
    text: () => Promise.resolve(typeof body === "string" ? body : JSON.stringify(body)),
  }
}

function refusal(code: "MR1008" | "MR1010" | "MR1401" | "MR1303", details = {}, headers = {}): TransportResponse {
  const problem = problemOf({ code, message: `This is ${code}.`, details })
  return answer(problem.status, problem, headers)
}

const stored = { accepted: 1, rejected: [], positions: [{ partition: 0, first: 0, last: 0 }] }
const code = (wanted: string) => (error: unknown) => isMillraceError(error) && error.code === wanted

test("records are sent as NDJSON with an idempotency key", async () => {
  const { client, calls } = scripted([answer(200, stored)])
  assert.deepEqual(await client.produce("a/b", [{ n: 1 }, { n: 2 }]), stored)
  const [call] = calls
  assert.equal(call?.url, "http://node:7070/v1/streams/a%2Fb/records")
  assert.equal(call?.method, "POST")
  assert.equal(call?.body, '{"n":1}\n{"n":2}\n')
  assert.equal(call?.headers["content-type"], "application/x-ndjson")
  assert.match(call?.headers["idempotency-key"] ?? "", /^[0-9a-f]{32}$/)
})

test("no inputs, and those that JSON cannot carry, ask nobody", async () => {
  const { client, calls } = scripted([])
  assert.deepEqual(await client.task("t").sendMany([]), [])
  await assert.rejects(client.task("t").send(new Map()), (error) => isMillraceError(error) && error.code === "MR1023" && error.message.includes("a Map has no JSON form"))
  assert.deepEqual(calls, [])
})

test("an option of a call that there is not is refused, the nearest named, and nobody is asked", async () => {
  const { client, calls } = scripted([])
  const typo = { dely: "5m" } as object
  const named = (error: unknown) => isMillraceError(error) && error.code === "MR1101" && /no option "dely"; there are, nearest first: delay, /.test(error.message)
  const { call, send, sendMany } = client.task("a")
  for (const asked of [call(1, typo), send(1, typo), sendMany([1], typo)]) await assert.rejects(asked, named)
  await assert.rejects(send(1, { idempotencyKey: "" }), code("MR1009"))
  assert.deepEqual(calls, [])
})

test("an option of the client, or of one of its methods, that there is not is refused with the nearest, and nobody is asked", async () => {
  const { client, calls } = scripted([])
  const refused = (message: RegExp) => (error: unknown) => isMillraceError(error) && error.code === "MR1101" && message.test(error.message)
  const typo = { signals: new AbortController().signal, curser: "x" } as object
  for (const asked of [
    () => client.produce("s", [1], typo),
    () => client.read("s", typo),
    () => client.runs(typo),
    () => client.runs({}, typo),
    () => client.rows("t", typo),
    () => client.invoke("f", 1, typo),
    () => client.redrive("f", typo),
  ]) await assert.rejects(asked(), refused(/^[a-z, ]+: there is no option "signals"; there are, nearest first: /))
  for (const asked of [() => client.live("s", typo), () => client.liveTable("t", typo), () => client.followRun("t-0", typo)]) assert.throws(asked, refused(/there is no option "signals"; there are, nearest first: signal/))
  const world = { url: "http://node:7070", fetch: () => Promise.reject(new Error("nobody is asked")), sleep: async () => undefined, random: () => 0.5 }
  assert.throws(() => createClient({ ...world, backof: { attempts: 1 } } as never), refused(/^createClient: there is no option "backof"; there are, nearest first: backoff, /))
  assert.throws(() => createClient({ ...world, backoff: { attempts: 3, first: 1 } as never }), refused(/^backoff: there is no option "first"; there are, nearest first: firstMs, /))
  assert.throws(() => createClient({ ...world, backoff: { attempts: 3, firstMs: 1 } as never }), refused(/^backoff, mostMs: expected a number from 0 on, not undefined\.$/))
  assert.deepEqual(calls, [])
})

test("runs asks on while the node finds none and is not through, until there is one, the end, or the signal is aborted", async () => {
  const run = { id: "a-1", task: "a" }
  const { client, calls } = scripted([answer(200, { runs: [], cursor: "c 1" }), answer(200, { runs: [], cursor: "c2" }), answer(200, { runs: [run], cursor: "c3" }), answer(200, { runs: [], cursor: "c4" }), answer(200, { runs: [] })])
  assert.deepEqual(await client.runs({ q: "rare" }), { runs: [run], cursor: "c3" })
  assert.deepEqual(await client.runs({ q: "rare", cursor: "c3" }), { runs: [] })
  const address = "http://node:7070/v1/runs?q=rare"
  assert.deepEqual(calls.map(({ url }) => url), [address, `${address}&cursor=c%201`, `${address}&cursor=c2`, `${address}&cursor=c3`, `${address}&cursor=c4`])
  const controller = new AbortController()
  const endless = createClient({
    url: "http://node:7070",
    fetch: async (_, { signal }) => {
      assert.equal(signal, controller.signal)
      // As fetch does.
      if (controller.signal.aborted) throw controller.signal.reason
      controller.abort(new Error("enough"))
      return answer(200, { runs: [], cursor: "c" })
    },
    sleep: async () => undefined,
    random: () => 0.5,
  })
  await assert.rejects(endless.runs({ q: "rare" }, { signal: controller.signal }), /enough/)
})

test("sendMany cuts more inputs than a request carries into several, each with a key of its own", async () => {
  const { client, calls } = scripted([answer(202, { task: "t", ids: ["t-0"] }), answer(202, { task: "t", id: "t-1" })])
  assert.deepEqual(await client.task("t").sendMany(Array.from({ length: 50_001 }, (_, i) => i), { idempotencyKey: "k" }), ["t-0", "t-1"])
  assert.deepEqual(calls.map(({ body, headers }) => [String(body).split("\n").length, headers["idempotency-key"]]), [[50_000, "k"], [1, "k+50000"]])
  assert.deepEqual([calls[1]?.body, calls[1]?.headers["content-type"]], ["50000", "application/json"])
})

test("a sendMany of which only parts are enqueued says which, and with which key to go on without a second run of any", async () => {
  const rejected = [{ index: 49_999, problem: { code: "MR1023", message: 'task "t", input: n is no number.', details: {} } }]
  const none = problemOf({ code: "MR1023", message: "1 of the inputs does not fit, so none was enqueued; the first is input 49999.", details: { rejected, rejectedUnlisted: 0 } })
  const first = answer(202, { task: "t", ids: Array.from({ length: 50_000 }, (_, i) => `t-${i}`) })
  const inputs = Array.from({ length: 100_000 }, (_, i) => i)
  for (const given of [{}, { idempotencyKey: "mine" }]) {
    const { client, calls } = scripted([first, answer(422, none), first, answer(202, { task: "t", ids: ["t-50000"] })])
    const error = await client.task("t").sendMany(inputs, given).catch((thrown: unknown) => thrown)
    assert.ok(isMillraceError(error) && error.code === "MR1023")
    assert.match(error.message, /inputs 0 to 49999 of 100000 are enqueued, .* is input 99999: task "t", input: n is no number\./)
    const { enqueued, ids, idempotencyKey } = error.details as { readonly enqueued: number; readonly ids: readonly string[]; readonly idempotencyKey: string }
    assert.deepEqual([enqueued, ids.length, ids[49_999]], [50_000, 50_000, "t-49999"])
    await client.task("t").sendMany(inputs, { idempotencyKey })
    const keys = calls.map(({ headers }) => headers["idempotency-key"])
    assert.deepEqual(keys, [idempotencyKey, `${idempotencyKey}+50000`, idempotencyKey, `${idempotencyKey}+50000`])
    assert.equal(idempotencyKey === "mine", "idempotencyKey" in given)
  }
})

test("a key that only the client knows is to be remembered as long as the client may try again, no longer; any other as the task says", async () => {
  const enqueued = answer(202, { task: "t", id: "t-0", ids: ["t-0"] })
  const { client, calls } = scripted([enqueued, enqueued, enqueued, enqueued, answer(200, "done")])
  const t = client.task("t")
  await t.send(1)
  await t.sendMany([1, 2])
  await t.send(1, { idempotencyKey: "k" })
  await t.send(1, { idempotencyKey: "k", idempotency: "30m", delay: "1s" })
  // A call asks again with its key until the run has ended, however long that takes.
  await t.call(1)
  const own = "?idempotency=7920000ms"
  assert.deepEqual(calls.map(({ url }) => url.split("/runs")[1]), [own, own, "", "?delay=1s&idempotency=30m", ""])
  for (const [attempts, wanted] of [[1, "?idempotency=660000ms"], [Number.POSITIVE_INFINITY, ""]] as const) {
    const other = scripted([enqueued], { attempts, firstMs: 1, mostMs: 1_000 })
    await other.client.task("t").send(1)
    assert.equal(other.calls[0]?.url.split("/runs")[1], wanted)
  }
})

test("a request is tried again with its key after 429, 503, a gateway's failure and a broken connection", async () => {
  const steps = [
    refusal("MR1010"),
    refusal("MR1401"),
    answer(502, "<html>Bad Gateway</html>"),
    answer(504, ""),
    new Error("ECONNRESET"),
    answer(200, stored),
  ]
  const { client, calls, waits } = scripted(steps)
  assert.deepEqual(await client.produce("s", [1]), stored)
  assert.equal(calls.length, 6)
  assert.equal(new Set(calls.map(({ headers, body }) => `${headers["idempotency-key"]} ${String(body)}`)).size, 1)
  assert.deepEqual(waits, [75, 150, 300, 600, 1200])
})

test("a connection that breaks in the middle of the answer is a failed attempt", async () => {
  const broken = { ...answer(200, stored), text: () => Promise.reject(new Error("terminated")) }
  const { client, calls } = scripted([broken, answer(200, stored)])
  assert.deepEqual(await client.produce("s", [1]), stored)
  assert.equal(calls.length, 2)
})

test("the node's word on how long to wait is kept, the exact one before Retry-After", async () => {
  const { client, waits } = scripted([
    refusal("MR1010", {}, { "retry-after": "3" }),
    refusal("MR1010", { retryAfterMs: 400 }, { "retry-after": "1" }),
    refusal("MR1010", {}, { "retry-after": "9999" }),
    answer(200, stored),
  ])
  await client.produce("s", [1])
  assert.deepEqual(waits, [3000, 400, 60_000])
})

test("a failure that a retry cannot mend is thrown at once, as the node told it", async () => {
  for (const wanted of ["MR1008", "MR1303"] as const) {
    const { client, calls } = scripted([refusal(wanted, { stream: "s" })])
    await assert.rejects(
      client.produce("s", [1]),
      (error) =>
        isMillraceError(error) &&
        error.code === wanted &&
        error.details["stream"] === "s" &&
        error.message === `This is ${wanted}.`,
    )
    assert.equal(calls.length, 1)
  }
})

test("a node that is not reached in all attempts is told as MR1602, one that stays behind as MR1010", async () => {
  const backoff = { attempts: 3, firstMs: 10, mostMs: 100 }
  const unreached = scripted([], backoff)
  await assert.rejects(
    unreached.client.status(),
    (error) => code("MR1602")(error) && /script is at its end/.test((error as Error).message),
  )
  assert.equal(unreached.calls.length, 3)
  const behind = scripted([refusal("MR1010"), refusal("MR1010"), refusal("MR1010")], backoff)
  await assert.rejects(behind.client.produce("s", [1]), code("MR1010"))
})

test("a request of which every record was refused is told in the reply", async () => {
  const rejected = [{ index: 0, problem: problemOf({ code: "MR1002", message: "No.", details: {} }) }]
  const { client } = scripted([
    answer(422, { ...problemOf({ code: "MR1002", message: "No.", details: { rejected } }) }),
    answer(422, { ...problemOf({ code: "MR1017", message: "No.", details: { rejected, rejectedUnlisted: 4 } }) }),
  ])
  assert.deepEqual(await client.produce("s", [1]), { accepted: 0, rejected, positions: [] })
  assert.deepEqual(await client.produce("s", [1]), { accepted: 0, rejected, rejectedUnlisted: 4, positions: [] })
})

test("a 422 that is about the request as a whole is thrown", async () => {
  const { client } = scripted([answer(422, problemOf({ code: "MR1011", message: "Used.", details: {} }))])
  await assert.rejects(client.produce("s", [1]), code("MR1011"))
})

test("a request that is aborted is not tried again", async () => {
  const stop = new AbortController()
  const { client, calls } = scripted([])
  stop.abort()
  await assert.rejects(client.produce("s", [1], { signal: stop.signal }), /script/)
  assert.equal(calls.length, 1)
})

test("reading asks for the partition, the place and the limit", async () => {
  const page = { records: [], next: 0, first: 0, end: 0 }
  const { client, calls } = scripted([answer(200, page), answer(200, page)])
  assert.deepEqual(await client.read("s"), page)
  await client.read("s", { partition: 2, from: "2026-11-21T00:00:00+01:00", limit: 5 })
  assert.deepEqual(
    calls.map(({ url }) => url.slice("http://node:7070".length)),
    [
      "/v1/streams/s/records?partition=0",
      "/v1/streams/s/records?partition=2&from=2026-11-21T00%3A00%3A00%2B01%3A00&limit=5",
    ],
  )
})

test("waits grow to their longest, spread over their upper half", () => {
  const backoff = { attempts: 10, firstMs: 100, mostMs: 5_000 }
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
      const longest = Math.min(5_000, 100 * 2 ** (attempt - 1))
      const wait = waitAfter(backoff, attempt, 0, random)
      assert.ok(wait >= longest / 2 && wait < longest)
    }),
  )
})

// What a lookup asks its source for, and what it remembers: called as a host calls it.
import assert from "node:assert/strict"
import { test } from "node:test"
import { type CallContext, limits } from "@millrace/model"
import { files } from "../files.ts"
import { compile, type LookupOptions, service, stream } from "../index.ts"

interface Row {
  readonly who: string
}

type Caller = (value: unknown, ctx: CallContext) => Promise<readonly [unknown, unknown, boolean]>

/** The function that a host calls, and the keys that it has asked for, load by load. */
function opened(options: Partial<LookupOptions<Row, number, "inner">> = {}): { call: (who: string, now?: number) => Promise<number | undefined>; loads: string[][] } {
  const loads: string[][] = []
  const rows = stream<Row>("rows", { key: (row) => row.who })
  const found = rows.lookup(
    "l",
    {
      key: ({ who }) => (who === "" ? undefined : who),
      load: async (keys) => {
        loads.push([...keys])
        if (keys.includes("fail")) throw new Error("told to")
        return new Map(keys.flatMap((key) => (key.startsWith("no") ? [] : [[key, key.length] as const])))
      },
      ...options,
    },
    (row, length) => ({ ...row, length }),
  )
  const { operators } = compile(service("s", [found.to(files("out"))]))
  const code = operators.get("rows")?.[0]
  assert.ok(code?.kind === "async")
  const caller = code.open() as Caller
  const signal = new AbortController().signal
  return {
    loads,
    call: async (who, now = 0) => {
      const [, value, known] = await caller({ who }, { key: who, time: 0, attempt: 1, now, signal })
      return known ? (value as number) : undefined
    },
  }
}

test("calls that are made together load together, each key once, in batches", async () => {
  const { call, loads } = opened({ batch: 2 })
  assert.deepEqual(await Promise.all(["a", "bb", "a", "ccc", "no", ""].map((who) => call(who))), [1, 2, 1, 3, undefined, undefined])
  assert.deepEqual(loads, [["a", "bb"], ["ccc", "no"]])
})

test("without a cache each call asks anew; with one, only when what it knows is too old", async () => {
  const plain = opened()
  await plain.call("a")
  await plain.call("a")
  assert.deepEqual(plain.loads, [["a"], ["a"]])
  const { call, loads } = opened({ cache: { ttl: 1_000, negativeTtl: 100 } })
  for (const now of [0, 50, 999]) assert.equal(await call("a", now), 1)
  assert.deepEqual(loads, [["a"]])
  await call("a", 1_000)
  assert.deepEqual(loads, [["a"], ["a"]])
  for (const now of [0, 99, 100]) assert.equal(await call("no", now), undefined)
  assert.deepEqual(loads.slice(2), [["no"], ["no"]])
})

test("a cache holds no more than its size, and lets go of what was used longest ago", async () => {
  const { call, loads } = opened({ cache: { ttl: 1_000, size: 2 } })
  for (const who of ["a", "b", "a", "c", "a", "b"]) await call(who)
  assert.deepEqual(loads, [["a"], ["b"], ["c"], ["b"]])
  assert.ok(limits.lookupCacheMax >= 2)
})

test("a load that fails fails its calls and is remembered by nobody", async () => {
  const { call, loads } = opened({ cache: { ttl: 1_000 } })
  const ends = await Promise.allSettled([call("fail"), call("a")])
  assert.deepEqual(ends.map(({ status }) => status), ["rejected", "rejected"])
  assert.equal(await call("a"), 1)
  assert.deepEqual(loads, [["fail", "a"], ["a"]])
})

test("a load must answer with a map", async () => {
  const { call } = opened({ load: (async () => ({ a: 1 })) as never })
  await assert.rejects(call("a"), /lookup "l", load: expected a Map/)
})

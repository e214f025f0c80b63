// State that does not fit the memory it is given.
import assert from "node:assert/strict"
import { it } from "node:test"
import { figure, idle, openNode, send, until, valuesOf } from "../test/bench.ts"

it("counts are right though hardly any of them fits in memory, also after a restart", async (t) => {
  const bounds = { stateMemoryBytesMax: 100_000, checkpointBytes: 1 }
  const names = Array.from({ length: 5_000 }, (_, i) => `visitor-${i}`)
  const bench = await openNode(t, ["tallies"], { workers: 2, bounds })
  const { dir } = bench
  let { node } = bench
  const visit = async (): Promise<void> => {
    for (let i = 0; i < names.length; i += 500) await send(node, "visits", names.slice(i, i + 500).map((who) => ({ who })))
    await idle(node)
  }
  for (let round = 1; round <= 4; round++) {
    await visit()
    if (round === 2) {
      await node.close()
      ;({ node } = await openNode(t, ["tallies"], { workers: 1, bounds, dir }))
    }
  }
  // Transactions that end after the last checkpoint.
  for (let i = 0; i < 100 && figure(node, "millrace_stage_keys") > names.length / 4; i++) {
    await send(node, "visits", ["a", "b", "c", "d", "e", "f"].map((who) => ({ who })))
    await until("the checkpoint is written", () => figure(node, "millrace_journal_unfolded_bytes") <= 1)
  }
  assert.ok(figure(node, "millrace_stage_keys") <= names.length / 4, "memory is given back")
  await idle(node)
  const counts = new Map<string, number[]>()
  for (const { who, visits } of await valuesOf<{ who: string; visits: number }>(node, "tallies")) {
    counts.set(who, [...(counts.get(who) ?? []), visits])
  }
  for (const who of names) assert.deepEqual(counts.get(who), [1, 2, 3, 4], who)
})

it("a worker that holds more state than it may, for want of a fold, gets one before its time", async (t) => {
  const visits = Array.from({ length: 500 }, (_, i) => ({ who: `visitor-${i}` }))
  const unfoldedAfter = async (stateMemoryBytesMax: number): Promise<number> => {
    const { node } = await openNode(t, ["tallies"], { workers: 1, bounds: { stateMemoryBytesMax, checkpointBytes: 1e9, checkpointBytesMin: 1, careMs: 20 } })
    await send(node, "visits", visits)
    await idle(node)
    if (stateMemoryBytesMax === 0) await until("the state is folded", () => figure(node, "millrace_journal_unfolded_bytes") <= 1)
    return figure(node, "millrace_journal_unfolded_bytes")
  }
  assert.ok((await unfoldedAfter(0)) <= 1)
  assert.ok((await unfoldedAfter(1e9)) > 10_000, "who has room waits for its time")
})

it("a window of more keys than fit one transaction closes in many, with the disk setting the pace", async (t) => {
  const bounds = { transactionBytes: 20_000, journalQueueBytesMax: 150_000, handlerMsMax: 2_000 }
  const { node } = await openNode(t, ["crowd"], { workers: 1, bounds })
  const names = Array.from({ length: 30_000 }, (_, i) => `visitor-${i}`)
  for (let i = 0; i < names.length; i += 1_000) await send(node, "arrivals", names.slice(i, i + 1_000).map((who) => ({ who, at: 5 })))
  await idle(node)
  await node.end("arrivals")
  await idle(node)
  const rows = await valuesOf<{ who: string; n: number }>(node, "crowds")
  assert.deepEqual(rows.map(({ who }) => who).toSorted(), names.toSorted())
  assert.equal(figure(node, "millrace_workers_replaced_total"), 0)
})

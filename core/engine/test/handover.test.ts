// What moves when a partition is split or merged, on the memory store.
import assert from "node:assert/strict"
import { test } from "node:test"
import { openMemoryStore } from "@millrace/memory"
import { StateChangesWriter, valueFrom, writeValue } from "@millrace/model"
import { compile, count, service, stream, tumbling } from "@millrace/sdk"
import { type Handover, handedOver, leftOver, movedState, type Progress, stageScope, storedProgress } from "../src/index.ts"

const rides = stream<{ rider: string; city: string; at: number }>("rides", { key: (ride) => ride.rider, time: (ride) => ride.at, partitions: 2 })
const { plan } = compile(
  service("s", [
    rides.window("minutes", tumbling("1m")).aggregate({ n: count() }).to(stream("minute-rows", { partitions: 1 })),
    rides.keyBy((ride) => ride.city).window("cities", tumbling("1m")).aggregate({ n: count() }).to(stream("city-rows", { partitions: 1 })),
  ]),
)
const [stage] = plan.stages
assert.ok(stage)
const progress: Progress = { consumed: 7, highest: 90, watermark: 90, marks: [], idle: [], lastInput: 5, resting: false, ended: false, step: undefined }

test("state goes to the child of its key, one commit decides, and remains and pieces of an attempt before are removed", async () => {
  const store = await openMemoryStore({ now: () => 0, onLost: () => undefined })
  const write = (scope: string, partition: number, bucket: number, entries: Record<string, unknown>): void => {
    const changes = new StateChangesWriter()
    changes.beginBucket(scope, partition, bucket, false)
    for (const [key, value] of Object.entries(entries)) {
      const bytes = changes.beginValue(key)
      const from = bytes.length
      writeValue(bytes, value)
      changes.endValue(from)
    }
    changes.endBucket()
    store.append({ appends: [], state: [changes.take()] })
  }
  const apply = (pieces: Iterable<Uint8Array>): void => {
    for (const piece of pieces) store.append({ appends: [], state: [piece] })
  }
  const held = async (partition: number): Promise<Record<string, unknown>> => {
    await store.fold()
    const found: Record<string, unknown> = {}
    for (const bucket of store.state.buckets("s/minutes", partition)) {
      for (const [key, value] of store.state.entries("s/minutes", partition, bucket)) found[`${bucket} ${key}`] = valueFrom(value)
    }
    return found
  }
  write("s/minutes", 0, 0, { anna: 1, bert: 2 })
  write("s/minutes", 0, 60_000, { anna: 3, cora: 4 })
  write(stageScope("s", "rides"), 0, 0, { progress })
  // Pieces of an attempt that did not come to its end.
  write("s/minutes", 2, 60_000, { nobody: 9 })
  await store.fold()
  const handover: Handover = {
    plan,
    stage,
    parents: [0],
    children: [{ partition: 2, begin: 0 }, { partition: 3, begin: 4 }],
    childOf: (key) => (key === "anna" ? 3 : key === "bert" ? 2 : undefined),
  }
  apply(movedState(store.state, handover))
  // A key that no child takes goes to the first.
  assert.deepEqual(await held(2), { "0 bert": 2, "60000 cora": 4 })
  assert.deepEqual(await held(3), { "0 anna": 1, "60000 anna": 3 })
  assert.equal(storedProgress(store.state, stageScope("s", "rides"), 2), undefined)
  const { appends, state } = handedOver(store.state, handover, 0)
  // Whoever reads what the stage writes hears of both children, and of the parent's end.
  const written = plan.streams.filter(({ upstreams }) => upstreams > 0).flatMap(({ name, partitions }) => (name === "city-rows" ? [] : Array.from({ length: partitions }, (_, i) => `${name} ${i}`)))
  assert.deepEqual(appends.map(({ stream: name, partition }) => `${name} ${partition}`).toSorted(), written.toSorted())
  for (const { count: entries } of appends) assert.equal(entries, 3)
  store.append({ appends, state })
  await store.fold()
  const at = (partition: number): Progress | undefined => storedProgress(store.state, stageScope("s", "rides"), partition)
  assert.deepEqual([at(2)?.consumed, at(2)?.watermark, at(3)?.consumed, at(3)?.highest], [0, 90, 4, 90])
  assert.deepEqual([at(0)?.consumed, at(0)?.moved], [7, true])
  // The same key in both parents of a merge: one of its states would be lost, so nothing is moved.
  write("s/minutes", 1, 60_000, { anna: 5 })
  await store.fold()
  const merge: Handover = { plan, stage, parents: [0, 1], children: [{ partition: 4, begin: 0 }], childOf: () => 4 }
  assert.throws(() => [...movedState(store.state, merge)], /partitions 0,1 both keep s\/minutes of key "anna"/)
  apply(leftOver(store.state, handover))
  assert.deepEqual(await held(0), {})
  assert.equal(at(0)?.moved, true)
  assert.deepEqual(await held(2), { "0 bert": 2, "60000 cora": 4 })
})

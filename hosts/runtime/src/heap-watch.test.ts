import assert from "node:assert/strict"
import { test } from "node:test"
import { limits } from "@millrace/model"
import { HeapWatch, engineHeapMegabytes } from "./heap-watch.ts"

const megabyte = 1_048_576

/** What a thread has been doing. */
const at = (active: number, idle = 0) => ({ eventLoopUtilization: () => ({ active, idle, utilization: active / (active + idle || 1) }) })

function watchOf(megabytes: number) {
  const said: string[] = []
  let asked = 0
  const worker = { getHeapStatistics: () => new Promise<never>(() => void asked++), performance: at(0) }
  const watch = new HeapWatch(worker, megabytes, { onCollect: () => said.push("collect"), onOver: (answers) => said.push(answers ? "over, it answers" : "over") })
  return { watch, said, asked: () => asked }
}

test("a heap beyond its limit is collected, and is over it when that much is still in use", () => {
  const { watch, said } = watchOf(128)
  watch.seen(128 * megabyte, 0)
  assert.deepEqual(said, [])
  watch.seen(129 * megabyte, 0)
  watch.seen(200 * megabyte, 0)
  assert.deepEqual(said, ["collect"], "once, until it has answered")
  watch.collected(120 * megabyte)
  watch.seen(129 * megabyte, 0)
  assert.deepEqual(said, ["collect"], "not again at once")
  for (let looks = 0; looks < limits.heapCollectMsMin / limits.heapLookMs; looks++) watch.look()
  watch.seen(129 * megabyte, 0)
  watch.collected(129 * megabyte)
  assert.deepEqual(said, ["collect", "collect", "over, it answers"])
})

test("a thread that does not come to collect is over its limit at half of the room above", () => {
  const { watch, said } = watchOf(128)
  watch.seen(640 * megabyte, 0)
  assert.deepEqual(said, ["collect"])
  watch.seen(640 * megabyte + 1, 0)
  assert.deepEqual(said, ["collect", "over"])
})

test("what lies outside the heap may be as much again", () => {
  const { watch, said } = watchOf(128)
  watch.seen(megabyte, 128 * megabyte)
  assert.deepEqual(said, [])
  watch.seen(megabyte, 128 * megabyte + 1)
  assert.deepEqual(said, ["over"])
})

test("a thread that cannot answer is not asked twice", () => {
  const { watch, asked } = watchOf(128)
  watch.look()
  watch.look()
  assert.equal(asked(), 1)
})

test("a thread that has not begun yet is asked again", async () => {
  let asked = 0
  const getHeapStatistics = (): Promise<never> => {
    asked++
    return Promise.reject(new Error("Worker instance not running"))
  }
  const watch = new HeapWatch({ getHeapStatistics, performance: at(0) }, 128, { onCollect: () => undefined, onOver: () => undefined })
  watch.look()
  await new Promise((resolve) => setImmediate(resolve))
  watch.look()
  assert.equal(asked, 2)
})

test("V8's own limit leaves ample room above a thread's, and stays below 2,048 MB where it can", () => {
  assert.deepEqual([128, 976, 977, 1_500, 1_501, 10_240].map(engineHeapMegabytes), [1_152, 2_000, 2_000, 2_000, 2_525, 11_264])
})

test("a thread that rests is not woken for a look, and one that is at work now and then is looked at", async () => {
  let asked = 0
  let active = 10
  const getHeapStatistics = (): Promise<never> => {
    asked++
    return Promise.reject(new Error("not of interest"))
  }
  const performance = { eventLoopUtilization: () => at(active, 1_000).eventLoopUtilization() }
  const watch = new HeapWatch({ getHeapStatistics, performance }, 128, { onCollect: () => undefined, onOver: () => undefined })
  const looks = async (times: number): Promise<number> => {
    const before = asked
    for (let i = 0; i < times; i++) {
      watch.look()
      await new Promise((resolve) => setImmediate(resolve))
    }
    return asked - before
  }
  assert.equal(await looks(10), 1, "once, as it has been at work")
  active += limits.heapLookActiveMsMin - 0.1
  assert.equal(await looks(10), 0)
  active += 0.1
  assert.equal(await looks(10), 1)
})

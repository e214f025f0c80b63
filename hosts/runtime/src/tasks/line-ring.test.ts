import assert from "node:assert/strict"
import { test } from "node:test"
import { Worker } from "node:worker_threads"
import { limits } from "@millrace/model"
import fc from "fast-check"
import { LineRing, lineMemory } from "./line-ring.ts"

test("the newest lines of each call are there, as many as there is room for, whole", () => {
  const lines = fc.array(fc.record({ lease: fc.integer({ min: 1, max: 3 }), text: fc.string({ unit: "grapheme", maxLength: 40 }) }), { maxLength: 60 })
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 600 }), (told, room) => {
      const memory = lineMemory(room)
      const writer = new LineRing(memory)
      for (const { lease, text } of told) writer.add(lease, 7, text)
      const reader = new LineRing(memory)
      let left = room
      const kept: typeof told = []
      for (const line of told.toReversed()) {
        const size = 20 + Buffer.byteLength(line.text)
        // One that is larger than all there is was never here.
        if (size > room) continue
        left -= size
        if (left < 0) break
        kept.unshift(line)
      }
      for (const lease of [1, 2, 3]) assert.deepEqual(reader.of(lease, 7), kept.filter((line) => line.lease === lease).map(({ text }) => text))
      assert.deepEqual(reader.of(1, 8), [])
    }),
  )
})

test("of a call that tells more, the newest lines are there", () => {
  const memory = lineMemory()
  const ring = new LineRing(memory)
  for (let i = 0; i < limits.attemptLinesMax + 5; i++) ring.add(1, 1, `line ${i}`)
  assert.deepEqual([ring.of(1, 1).length, ring.of(1, 1)[0], ring.of(1, 1).at(-1)], [limits.attemptLinesMax, "line 5", `line ${limits.attemptLinesMax + 4}`])
})

test("lines are whole though the thread writes while they are read", async () => {
  const memory = lineMemory(1_000)
  const code = `
    import { workerData } from "node:worker_threads"
    const { LineRing } = await import(workerData.file)
    const ring = new LineRing(workerData.memory)
    for (let i = 0; ; i++) ring.add(1, 1, String(i) + "-".repeat(i % 97) + String(i))
  `
  const file = new URL("./line-ring.ts", import.meta.url).href
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { workerData: { memory, file } })
  try {
    const ring = new LineRing(memory)
    const news = new Set<string>()
    while (news.size < 2_000) {
      for (const line of ring.of(1, 1)) {
        const [, first, second] = /^(\d+)-*?(\d+)$/.exec(line.replace(/-+/, "-")) ?? []
        assert.ok(line.includes("-") ? first === second : line.slice(0, line.length / 2) === line.slice(line.length / 2), line)
        news.add(line)
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  } finally {
    await worker.terminate()
  }
})

import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { MergedClock } from "./clock.ts"

type Step =
  | { readonly kind: "mark"; readonly upstream: number; readonly time: number }
  | { readonly kind: "rest"; readonly upstream: number }
  | { readonly kind: "restart" }

const upstreams = 3
const upstream = fc.nat(upstreams - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("mark" as const),
      upstream,
      time: fc.oneof({ weight: 8, arbitrary: fc.nat(30) }, { weight: 1, arbitrary: fc.constant(Infinity) }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("rest" as const), upstream }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
)

function start(): MergedClock {
  return new MergedClock(upstreams, [], [], -Infinity)
}

test("a merged watermark is the minimum over the upstreams that are not idle, and never goes back", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      let clock = start()
      const marks: number[] = Array.from({ length: upstreams }, () => -Infinity)
      const idle = new Set<number>()
      let watermark = -Infinity
      for (const each of steps) {
        if (each.kind === "mark") {
          marks[each.upstream] = Math.max(marks.at(each.upstream) as number, each.time)
          idle.delete(each.upstream)
          clock.mark(each.upstream, each.time)
        } else if (each.kind === "rest") {
          idle.add(each.upstream)
          clock.rest(each.upstream)
        } else {
          clock = new MergedClock(upstreams, [...clock.marks], clock.idle, clock.watermark)
        }
        const ended = marks.every((mark) => mark === Infinity)
        const waking = marks.filter((mark, i) => mark < Infinity && !idle.has(i))
        if (ended) watermark = Infinity
        else if (waking.length > 0) watermark = Math.max(watermark, Math.min(...waking))
        else watermark = Math.max(watermark, ...marks.filter((mark) => mark < Infinity))
        assert.equal(clock.watermark, watermark)
      }
    }),
    { numRuns: 1_000 },
  )
})

test("an upstream that was never heard of holds the watermark back until it is idle", () => {
  const clock = start()
  assert.equal(clock.mark(0, 10), -Infinity)
  assert.equal(clock.mark(1, 20), -Infinity)
  assert.equal(clock.rest(2), 10)
})

test("an idle upstream counts again with its next mark, and what has been reached stays", () => {
  const clock = start()
  clock.mark(0, 10)
  clock.mark(1, 20)
  clock.rest(2)
  assert.equal(clock.mark(2, 5), 10)
  assert.equal(clock.mark(0, 30), 10)
  assert.equal(clock.mark(2, 25), 20)
})

test("the end of some upstreams is not the end while another is idle", () => {
  const clock = start()
  clock.mark(0, 10)
  clock.mark(1, 10)
  clock.mark(2, 10)
  clock.rest(2)
  clock.mark(0, Infinity)
  assert.equal(clock.mark(1, Infinity), 10)
  assert.equal(clock.mark(2, 15), 15)
  assert.equal(clock.mark(2, Infinity), Infinity)
})

test("with every upstream idle the watermark is as far as the furthest has said, whichever rested first", () => {
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2]]) {
    const clock = start()
    for (const [upstream, time] of [7, 30, 20].entries()) clock.mark(upstream, time)
    for (const each of order) clock.rest(each)
    assert.equal(clock.watermark, 30)
    assert.equal(clock.mark(0, 8), 30, "what has been reached stays")
  }
})

test("a clock taken back is as it was", () => {
  const clock = start()
  for (const each of [0, 1, 2]) clock.mark(each, each + 5)
  clock.rest(2)
  const [marks, idle, watermark] = [[...clock.marks], clock.idle, clock.watermark]
  for (const each of [0, 1, 2]) clock.mark(each, 100)
  clock.restore(marks, idle, watermark)
  assert.deepEqual([[...clock.marks], clock.idle, clock.watermark], [[5, 6, 7], [2], 5])
  assert.equal(clock.mark(0, 9), 6)
})

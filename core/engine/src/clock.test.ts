import assert from "node:assert/strict"
import { test } from "node:test"
import { limits } from "@millrace/model"
import fc from "fast-check"
import { MergedClock, type MergedTimes } from "./clock.ts"

const idleMs = 30_000

type Step =
  | { readonly kind: "wait"; readonly ms: number }
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
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(300, 900, 14_000, 16_000) }) },
)

const never: MergedTimes = { marks: [], idle: [], watermark: -Infinity, heldUntil: Infinity, heardAt: -Infinity, backAt: -Infinity }

function start(): MergedClock {
  return new MergedClock(upstreams, idleMs, never)
}

function timesOf(clock: MergedClock): MergedTimes {
  const { marks, idle, watermark, heldUntil, heardAt, backAt } = clock
  return { marks: [...marks], idle, watermark, heldUntil, heardAt, backAt }
}

test("upstreams that come to be when a stream is resharded hold nobody back before they are heard of, and then do", () => {
  const clock = new MergedClock(2, idleMs, never)
  clock.mark(0, 10, 0)
  assert.equal(clock.mark(1, 20, 0), 10)
  // Upstream 0 was split to 2 and 3; the later one speaks first.
  assert.equal(clock.mark(3, 10, 0), 10)
  assert.equal(clock.mark(2, 10, 0), 10)
  assert.equal(clock.mark(0, Infinity, 0), 10)
  assert.equal(clock.mark(3, 30, 0), 10)
  const again = new MergedClock(2, idleMs, timesOf(clock))
  assert.equal(again.mark(2, 15, 0), 15)
  assert.equal(again.mark(7, 15, 0), 15)
  again.restore({ ...timesOf(again), marks: [Infinity, 20, 15, 30] })
  assert.deepEqual([...again.marks], [Infinity, 20, 15, 30])
  assert.equal(again.mark(1, 40, 0), 15)
  assert.equal(again.mark(2, 25, 0), 25)
})

test("a merged watermark is the minimum over the upstreams that are not idle, held for a moment after a pause, and never goes back", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      let clock = start()
      const marks: number[] = Array.from({ length: upstreams }, () => -Infinity)
      const idle = new Set<number>()
      let watermark = -Infinity
      let now = 0
      let heardAt = -Infinity
      let backAt = -Infinity
      let heldUntil: number | undefined
      const resting = (but?: number): boolean => marks.some((mark, i) => i !== but && mark < Infinity && idle.has(i))
      for (const each of steps) {
        if (each.kind === "mark") {
          const { upstream: i, time } = each
          const allRest = marks.every((mark, other) => mark === Infinity || idle.has(other))
          const silent = now - heardAt >= idleMs / 2
          if (time < Infinity && heldUntil === undefined && resting(i) && (silent || (allRest && idle.has(i)))) heldUntil = now + limits.wakeMs
          marks[i] = Math.max(marks.at(i) as number, time)
          idle.delete(i)
          heardAt = now
          if (silent) backAt = now
          if (heldUntil !== undefined && !resting()) heldUntil = undefined
          clock.mark(i, time, now)
        } else if (each.kind === "rest") {
          if (now - backAt < limits.wakeMs) heldUntil ??= backAt + limits.wakeMs
          idle.add(each.upstream)
          clock.rest(each.upstream, now)
        } else if (each.kind === "wait") {
          now += each.ms
          if (heldUntil !== undefined && now >= heldUntil) heldUntil = undefined
          if (clock.heldLongEnough(now)) clock.release()
        } else {
          clock = new MergedClock(upstreams, idleMs, timesOf(clock))
        }
        clock.done()
        const ended = marks.every((mark) => mark === Infinity)
        const waking = marks.filter((mark, i) => mark < Infinity && !idle.has(i))
        if (heldUntil === undefined) {
          if (ended) watermark = Infinity
          else if (waking.length > 0) watermark = Math.max(watermark, Math.min(...waking))
          else watermark = Math.max(watermark, ...marks.filter((mark) => mark < Infinity))
        }
        assert.equal(clock.watermark, watermark)
      }
    }),
    { numRuns: 2_000 },
  )
})

test("after a pause the watermark is held until all are back, or for its time", () => {
  const clock = start()
  for (const each of [0, 1, 2]) clock.mark(each, 10, 0)
  for (const each of [0, 1, 2]) clock.rest(each, 10_000)
  assert.equal(clock.mark(0, 500, 40_000), 10)
  assert.equal(clock.mark(1, 400, 40_100), 10)
  assert.equal(clock.heldUntil, 40_000 + limits.wakeMs)
  assert.equal(clock.mark(2, 450, 40_200), 400, "all are back")
  clock.done()
  for (const each of [0, 1, 2]) clock.rest(each, 80_000)
  assert.equal(clock.mark(0, 900, 90_000), 500)
  assert.equal(clock.heldLongEnough(90_000 + limits.wakeMs - 1), false)
  assert.equal(clock.heldLongEnough(90_000 + limits.wakeMs), true)
  assert.equal(clock.heldLongEnough(10), true, "the clock was set back")
  clock.release()
  assert.equal(clock.watermark, 900)
})

test("when one comes to rest right after others have spoken, they may have ended a pause: the watermark is held then, too", () => {
  const clock = start()
  for (const each of [0, 1, 2]) clock.mark(each, 10, 0)
  for (const each of [0, 1]) clock.mark(each, 500, 29_900)
  assert.equal(clock.rest(2, 30_000), 10)
  assert.equal(clock.mark(2, 450, 30_500), 450)
})

test("an upstream alone waits for nobody", () => {
  const clock = new MergedClock(1, idleMs, never)
  clock.mark(0, 10, 0)
  clock.rest(0, 10_000)
  assert.equal(clock.mark(0, 20, 100_000), 20)
})

test("no upstream is waited for longer than it takes to be idle", () => {
  const clock = new MergedClock(2, 50, never)
  for (const each of [0, 1]) clock.mark(each, 10, 0)
  for (const each of [0, 1]) clock.rest(each, 10_000)
  clock.mark(0, 20, 1_000)
  assert.equal(clock.heldUntil, 1_050)
})

test("an upstream that was never heard of holds the watermark back until it is idle", () => {
  const clock = start()
  assert.equal(clock.mark(0, 10, 0), -Infinity)
  assert.equal(clock.mark(1, 20, 0), -Infinity)
  assert.equal(clock.rest(2, 10_000), 10)
})

test("an idle upstream counts again with its next mark, and what has been reached stays", () => {
  const clock = start()
  clock.mark(0, 10, 0)
  clock.mark(1, 20, 0)
  clock.rest(2, 10_000)
  assert.equal(clock.mark(2, 5, 0), 10)
  assert.equal(clock.mark(0, 30, 0), 10)
  assert.equal(clock.mark(2, 25, 0), 20)
})

test("the end of some upstreams is not the end while another is idle", () => {
  const clock = start()
  clock.mark(0, 10, 0)
  clock.mark(1, 10, 0)
  clock.mark(2, 10, 0)
  clock.rest(2, 10_000)
  clock.mark(0, Infinity, 0)
  assert.equal(clock.mark(1, Infinity, 0), 10)
  assert.equal(clock.mark(2, 15, 0), 15)
  assert.equal(clock.mark(2, Infinity, 0), Infinity)
})

test("with every upstream idle the watermark is as far as the furthest has said, whichever rested first", () => {
  for (const order of [[0, 1, 2], [2, 1, 0], [1, 0, 2]]) {
    const clock = start()
    for (const [upstream, time] of [7, 30, 20].entries()) clock.mark(upstream, time, 0)
    for (const each of order) clock.rest(each, 10_000)
    assert.equal(clock.watermark, 30)
    assert.equal(clock.mark(0, 8, 0), 30, "what has been reached stays")
  }
})

test("a clock taken back is as it was", () => {
  const clock = start()
  for (const each of [0, 1, 2]) clock.mark(each, each + 5, 0)
  clock.rest(2, 10_000)
  const before = timesOf(clock)
  for (const each of [0, 1, 2]) clock.mark(each, 100, 0)
  clock.restore(before)
  assert.deepEqual([[...clock.marks], clock.idle, clock.watermark], [[5, 6, 7], [2], 5])
  assert.equal(clock.mark(0, 9, 0), 6)
})

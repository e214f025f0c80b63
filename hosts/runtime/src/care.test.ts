import assert from "node:assert/strict"
import { mock, test } from "node:test"
import { Care, type CareParts } from "./care.ts"

test("a run that is due later than the next regular look starts when it is due", (t) => {
  mock.timers.enable({ apis: ["setInterval", "setTimeout"] })
  t.after(() => mock.timers.reset())
  let now = 0
  const ticks: number[] = []
  const due = 3_500
  const parts: Pick<CareParts, "clock" | "isReady" | "isRefused"> & Record<string, unknown> = {
    clock: () => now,
    isReady: () => true,
    isRefused: () => false,
    bounds: { careMs: 3_000, checkpointBytes: 1, sweepMs: 1_000_000 },
    store: { unfoldedBytes: 0 },
    desk: { look: () => undefined },
    tasks: { sweepValues: () => undefined },
    // As the stages do: after each look they say what is due next.
    workshop: () => ({
      feeds: { overMemory: false },
      tick(at: number) {
        ticks.push(at)
        care.dueAt(at >= due ? Number.POSITIVE_INFINITY : due)
      },
    }),
  }
  const care = new Care(parts as unknown as CareParts)
  care.begin()
  care.dueAt(due)
  for (; now < 7_000; now += 100) mock.timers.tick(now === 0 ? 0 : 100)
  care.stop()
  // The regular looks, and one between them.
  assert.deepEqual(ticks, [3_000, 3_500, 6_000])
})

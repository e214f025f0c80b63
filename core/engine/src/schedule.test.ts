import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { Schedule } from "./schedule.ts"

test("a schedule gives back what was added, the earliest first, through any order of adding and taking", () => {
  const due = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constantFrom(-Number.MAX_VALUE, 8.64e15, 0.5))
  fc.assert(
    fc.property(fc.array(fc.option(due, { nil: undefined }), { maxLength: 200 }), (steps) => {
      const schedule = new Schedule()
      const model: number[] = []
      for (const step of steps) {
        if (step === undefined) {
          model.sort((a, b) => a - b).shift()
          schedule.removeFirst()
        } else {
          model.push(step)
          schedule.add(step, step * 2)
        }
        const least = model.length === 0 ? undefined : Math.min(...model)
        assert.equal(schedule.due, least ?? Number.POSITIVE_INFINITY)
        assert.equal(schedule.first, least === undefined ? undefined : least * 2)
      }
      schedule.clear()
      assert.equal(schedule.due, Number.POSITIVE_INFINITY)
    }),
  )
})

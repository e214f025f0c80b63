/** Random histories of one stream for the properties of windows. */
import fc from "fast-check"
import type { Event } from "./window-model.ts"

/** Event times go forward, with steps back. */
export const events: fc.Arbitrary<readonly Event[]> = fc
  .array(
    fc.record({
      k: fc.constantFrom("a", "b", "ä"),
      step: fc.integer({ min: -25, max: 30 }),
      v: fc.integer({ min: -9, max: 9 }),
    }),
    { maxLength: 40, size: "max" },
  )
  .chain((steps) =>
    fc.integer({ min: -50, max: 50 }).map((from) => {
      let at = from
      return steps.map(({ k, step, v }) => {
        at += step
        return { k, t: at, v }
      })
    }),
  )

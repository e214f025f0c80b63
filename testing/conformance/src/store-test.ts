/** The shape of the suite's tests, and how one is run. */
import { it } from "node:test"
import type { OnLost, Store } from "@millrace/engine"
import type { StorePlace } from "./store-place.ts"

/** A test with a store of its own, the place that it is in, and the clock that it reads. */
type StoreTest = (store: Store, place: StorePlace, clock: { now: number }) => Promise<void>

/** A part of the suite: registers its tests. */
export type StoreTests = (check: (name: string, test: StoreTest) => void) => void

/** For stores whose disk is sound: nothing may be lost. */
export const neverLost: OnLost = (sequence, reason) => {
  throw new Error(`commit ${sequence} was lost`, { cause: reason })
}

/** @param skip - why the tests cannot be run with this implementation */
export function registerTests(tests: StoreTests, newPlace: () => StorePlace, skip: string | false = false): void {
  tests((name, test) => {
    it(name, { skip }, async () => {
      const place = newPlace()
      const clock = { now: 1000 }
      try {
        const store = await place.open({ now: () => clock.now, onLost: neverLost })
        await test(store, place, clock)
        await store.close()
      } finally {
        await place.remove()
      }
    })
  })
}

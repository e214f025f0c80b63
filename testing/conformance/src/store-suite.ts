/** What every store does, whatever it is made of. */
import { describe } from "node:test"
import { appending } from "./store-appending.ts"
import { storeHistories } from "./store-histories.ts"
import type { StorePlace } from "./store-place.ts"
import { reading } from "./store-reading.ts"
import { reopening } from "./store-reopening.ts"
import { state } from "./store-state.ts"
import { sweeping } from "./store-sweeping.ts"
import { registerTests } from "./store-test.ts"

/** Registers the tests of the Store port for one implementation. */
export function storeSuite(name: string, newPlace: () => StorePlace): void {
  const skip = newPlace().survives ? false : "nothing of it survives its closing"
  describe(`the store: ${name}`, () => {
    describe("appending", () => registerTests(appending, newPlace))
    describe("reading", () => registerTests(reading, newPlace))
    describe("state", () => registerTests(state, newPlace))
    describe("sweeping", () => registerTests(sweeping, newPlace))
    describe("opening again", () => registerTests(reopening, newPlace, skip))
    storeHistories(newPlace)
  })
}

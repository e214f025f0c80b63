/** One suite per port, run by every implementation of it, and what tests of several packages need. Suites register tests with node:test. */
export { ManualClock } from "./manual-clock.ts"
export { type Mounted, mounted } from "./mounted.ts"
export { type Change, commit, type Lines, linesOf, readLines, stateOf, StoreModel } from "./store-model.ts"
export type { StorePlace } from "./store-place.ts"
export { storeSuite } from "./store-suite.ts"

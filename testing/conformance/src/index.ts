/** One suite per port, run by every implementation of it. Suites register tests with node:test. */
export type { StorePlace } from "./store-place.ts"
export { storeSuite } from "./store-suite.ts"

/** One suite per port, run by every implementation of it. Suites register tests with node:test. */
export { type StorePlace, storeSuite } from "./store-suite.ts"

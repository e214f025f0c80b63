/** The test driver: a whole service in one process, on the production engine, with the clock in the test's hand. */
export type { DeadLetter, TimerView } from "@millrace/engine"
export { crashEverywhere, type CrashOptions } from "./crash-everywhere.ts"
export { inAnyOrder, type OrderOptions } from "./in-any-order.ts"
export type { TestRecord } from "./log-book.ts"
export type { Outcome, TestFile } from "./outcome.ts"
export { type Offered, type Refused, type Sent, type TestOptions, testService, type TestService } from "./test-service.ts"
export type { Scenario } from "./wanted.ts"

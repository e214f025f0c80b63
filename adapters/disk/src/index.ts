/** The embedded journal and store: a durable log with state beside it in one directory, for one process. */
export { type DiskStoreOptions, openDiskStore } from "./store.ts"
export { openStateReader } from "./state-store.ts"
export { openStateView, type StateView, type StateViewOptions } from "./state-view.ts"
export { type Damage, type Inspection, inspectDirectory, type SegmentReport, type StreamReport } from "./inspect.ts"
export type { LockHolder } from "./lock.ts"

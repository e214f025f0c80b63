export {
  type DiscardCondition,
  type FunctionError,
  isPast,
  newCheckpoint,
  positionOfCheckpoint,
  type ShardCheckpoint,
} from "./checkpoint.ts"
export { keyHash } from "./key-hash.ts"
export type { MappedRecord } from "./lane.ts"
export type { MappingSettings } from "./settings.ts"
export { type DiscardEffect, type InvokeEffect, type MappingFigures, ShardMachine } from "./shard-machine.ts"
export type { WindowFacts } from "./tumbling-window.ts"
export { type Verdict, verdictOf } from "./verdict.ts"

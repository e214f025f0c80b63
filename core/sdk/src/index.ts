/** What users of Millrace write: streams, operators, windows, services; and what hosts need to compile them. */
export type {
  Aggregate,
  AsyncOrder,
  CallContext,
  ByteSize,
  Change,
  Duration,
  FailedBatch,
  FailedEvent,
  JoinContext,
  JoinType,
  Pane,
  KeptCounter,
  KeptList,
  KeptMap,
  KeptReduced,
  KeptValue,
  KinesisEventRecord,
  ProcessContext,
  RecordContext,
  EnqueueOptions,
  ErrorCode,
  ErrorData,
  ErrorDetails,
  Plan,
  Program,
  SchemaInput,
  SchemaIssue,
  SchemaOutput,
  SucceededEvent,
  SchemaResult,
  StandardSchema,
  StandardSchemaProps,
  TriggerContext,
  WindowTriggerContext,
  TriggerDecision,
  TaskContext,
  WindowBounds,
} from "@millrace/model"
export { aggregate, type AggregateOptions } from "./aggregates/aggregate.ts"
export { collect } from "./aggregates/collect.ts"
export { count } from "./aggregates/count.ts"
export { distinctCount, type Scalar } from "./aggregates/distinct-count.ts"
export type { Ordered } from "./aggregates/extreme.ts"
export { first } from "./aggregates/first.ts"
export { last } from "./aggregates/last.ts"
export { max } from "./aggregates/max.ts"
export { mean } from "./aggregates/mean.ts"
export { min } from "./aggregates/min.ts"
export type { AggregateOf, Aggregates, AggregatesOf, OrNull } from "./aggregates/record.ts"
export { sum } from "./aggregates/sum.ts"
export { topN } from "./aggregates/top.ts"
export { type HandlesOf, type Keep, keepCounter, keepList, keepMap, type KeepOptions, keepReduced, keepValue, type Side, side, type SidesOf } from "./flow/keep.ts"
export { calendar, type CalendarOptions, type CalendarUnit, type CalendarWindow } from "./calendar.ts"
export { diagram } from "./diagram.ts"
export type { Aggregated, Flow, Joined, Keying, Matched, Processed, ProcessOptions } from "./flow/flow.ts"
export type { JoinOptions, LateOf, LeftOf, RightOf, Within } from "./flow/join.ts"
export type { AsyncOptions } from "./flow/async.ts"
export type { LoadContext, LookupCache, LookupOptions } from "./flow/lookup.ts"
export type { Connected, ConnectedProcessOptions } from "./flow/connected.ts"
export type { ProcessParts } from "./flow/process.ts"
export type { AfterMatch, Fits, MatchWith, Pattern, PatternStart } from "./flow/pattern.ts"
export type { AsOfOptions, EnrichOptions, TableJoinOptions } from "./flow/table-join.ts"
export type { GroupedTable, RunningResult, Table } from "./flow/table.ts"
export type { SuppressOptions } from "./flow/suppress.ts"
export type { DeduplicateOptions, DistinctOptions, RankedBy, TableOptions, TopOptions } from "./flow/table-options.ts"
export type { Branches, Split } from "./flow/split.ts"
export type {
  EventTimeOptions,
  FixedWindow,
  HasLateness,
  KnownOptions,
  MergingWindow,
  PaneField,
  PanesOf,
  ProcessingTimeOptions,
  SomeTime,
  TimedWindow,
  TimeOptions,
  Windowed,
  WindowOptions,
  WindowResult,
  WindowShape,
} from "./flow/windowed.ts"
export type { CorsOptions } from "./function/cors.ts"
export { fn, type FunctionOptions, type LambdaFunction } from "./function/function.ts"
export { http, type HttpContext, HttpError, type HttpOptions, type HttpSettings, type TypedHttpOptions } from "./function/http.ts"
export type { EventInvokeOptions } from "./function/event-invoke.ts"
export type { MessageDestination, OutsideDestination } from "./function/failure-destination.ts"
export type { FilterPattern, MappingOptions, Starting } from "./function/mapping.ts"
export type { FunctionSettings } from "./function/options.ts"
export type { JsonOf, MadeBy, ResultOf, TakenBy } from "./schema-values.ts"
export { compile, isService, type Service, service, serviceOf, type ServicePart, type TasksAmong } from "./service.ts"
export { type CountTrigger, type EarlyTrigger, global, type GlobalOptions, type GlobalWindow, type MergeOf, type MergingTrigger, type Trigger, type WindowTrigger } from "./global.ts"
export type { FromJson, NotJson, Unspeakable } from "./json-types.ts"
export type { Length, NoLength, NoTime } from "./length.ts"
export { session, type SessionOptions, type SessionWindow } from "./session.ts"
export { sliding, type SlidingOptions, type SlidingWindow } from "./sliding.ts"
export {
  type EventTime,
  type PlainStreamOptions,
  type SchemaStreamOptions,
  type Stream,
  stream,
  type StreamSettings,
} from "./stream.ts"
export type { Outlet, Target, TaskType } from "./target.ts"
export type { RunFacts, RunResult, TaskCaller } from "./task/caller.ts"
export { NonRetryableError, RetryAfter } from "./task/errors.ts"
export type { CronOptions, ErrorClass, RateLimitOptions, RetryOptions, TaskSettings } from "./task/options.ts"
export type { RunAttempt, RunDetails, RunHandle } from "./task/run-handle.ts"
export { type BatchTaskOptions, type JsonSchemas, type Task, task, type TaskOptions, type TaskTrigger } from "./task/task.ts"
export { type AlignedWindow, cumulating, type CumulatingOptions, hopping, type HoppingOptions, tumbling, type TumblingOptions } from "./window.ts"

/** What may be said of how a stream feeds a function, and the checks of it: names and ranges are Lambda's. */
import {
  type Duration,
  type FailedBatch,
  limits,
  mappingFilter,
  MillraceError,
  type StartingPosition,
} from "@millrace/model"
import type { MappingDefinition } from "../definition.ts"
import type { Keying } from "../flow/flow.ts"
import { checkedMs, checkedName, checkedWhole, checkKeys } from "../setting.ts"
import type { Stream } from "../stream.ts"
import { failureDestination, type OutsideDestination, streamDefinition } from "./failure-destination.ts"

/** A pattern of EventBridge, as an object or as JSON text: `{ data: { status: ["paid"] } }`. */
export type FilterPattern = { readonly data?: unknown; readonly $or?: readonly unknown[] } | string

/** Where a mapping begins when it starts for the first time; afterwards it goes on where it was. */
export type Starting =
  | {
      /** `TRIM_HORIZON`: the oldest record that is kept; `LATEST`: what comes from then on. @default "TRIM_HORIZON" */
      readonly startingPosition?: "TRIM_HORIZON" | "LATEST"
      readonly startingPositionTimestamp?: undefined
    }
  | {
      readonly startingPosition: "AT_TIMESTAMP"
      /** The first record at or after it: a date, or ISO 8601 text. */
      readonly startingPositionTimestamp: Date | string
    }

/** How a stream feeds a function: an event source mapping, as Lambda has it. */
export type MappingOptions = Starting & {
  /** The stream, or the name of one that is not defined in TypeScript, such as one that was made over the Kinesis API. */
  readonly stream: Stream<never, unknown, Keying> | string
  /** Most records of one invocation, 1 to 10,000; its event ends at 6 MB all the same. @default 100 */
  readonly batchSize?: number
  /** How long a batch that is not full waits for more, at most "5m". @default "0s": what there is goes at once */
  readonly maximumBatchingWindow?: Duration
  /** Batches of one shard that may be under way at once, 1 to 10: records of one partition key keep their order. @default 1 */
  readonly parallelizationFactor?: number
  /** Invocations after the first that failed, 0 to 10,000, before a batch is given up. @default -1: until the stream's retention has passed */
  readonly maximumRetryAttempts?: number
  /** Records older than this are given up, "60s" to "7d". @default -1: none */
  readonly maximumRecordAge?: Duration
  /** A batch that fails is split in two, each tried by itself, until the bad record is alone. @default false */
  readonly bisectBatchOnFunctionError?: boolean
  /** Whether the function's answer says which records failed: `{ batchItemFailures: [{ itemIdentifier: sequenceNumber }] }`. @default [] */
  readonly functionResponseTypes?: readonly "ReportBatchItemFailures"[]
  /** Batches of a window of arrival times carry a state, at most "15m". @default "0s": none */
  readonly tumblingWindow?: Duration
  /** Only records that fit one of these, at most 5, are for the function. @default all are */
  readonly filters?: readonly FilterPattern[]
  /** Where batches go that are given up: a stream without key and time of its own, objects in S3, a queue of SQS or a topic of SNS. @default nowhere; they are counted and logged */
  readonly onFailure?: Stream<FailedBatch, unknown, Keying> | OutsideDestination
  /** false: the position is kept, nothing is read. @default true */
  readonly enabled?: boolean
}

const names = [
  "stream",
  "batchSize",
  "maximumBatchingWindow",
  "parallelizationFactor",
  "startingPosition",
  "startingPositionTimestamp",
  "maximumRetryAttempts",
  "maximumRecordAge",
  "bisectBatchOnFunctionError",
  "functionResponseTypes",
  "tumblingWindow",
  "filters",
  "onFailure",
  "enabled",
] as const

/** @throws MR1101 */
export function mappingDefinition(given: MappingOptions, what: string): MappingDefinition {
  checkKeys(given, names, what)
  const { stream, tumblingWindow = 0, parallelizationFactor = 1, filters = [] } = given
  const definition = typeof stream === "string" ? undefined : streamDefinition(stream, `${what}, stream`)
  const patterns = checkedList(filters, `${what}, filters`).map((pattern) => (typeof pattern === "string" ? pattern : JSON.stringify(pattern)))
  mappingFilter(patterns, `${what}, filters`)
  const failures = failureDestination(given.onFailure, `${what}, onFailure`)
  const name = definition?.name ?? checkedName(stream, `${what}, stream`)
  if (failures.stream?.name === name) {
    throw new MillraceError("MR1101", `${what}, onFailure: ${JSON.stringify(name)} feeds the function itself; name another stream.`)
  }
  const tumblingWindowMs = atMost(tumblingWindow, 900, `${what}, tumblingWindow`)
  const lanes = checkedWhole(parallelizationFactor, 1, 10, `${what}, parallelizationFactor`)
  if (tumblingWindowMs > 0 && lanes > 1) {
    throw new MillraceError(
      "MR1101",
      `${what}: a window of a shard has one state, which ${lanes} batches at once would carry apart. Leave out parallelizationFactor or tumblingWindow.`,
    )
  }
  return Object.freeze({
    stream: definition,
    failures: failures.stream,
    plan: Object.freeze({
      stream: name,
      batchSize: checkedWhole(given.batchSize ?? 100, 1, 10_000, `${what}, batchSize`),
      batchingWindowMs: atMost(given.maximumBatchingWindow ?? 0, 300, `${what}, maximumBatchingWindow`),
      parallelizationFactor: lanes,
      startingPosition: startingPosition(given, what),
      maximumRetryAttempts: checkedWhole(given.maximumRetryAttempts ?? -1, -1, 10_000, `${what}, maximumRetryAttempts`),
      maximumRecordAgeMs: recordAgeMs(given.maximumRecordAge ?? -1, `${what}, maximumRecordAge`),
      bisectBatchOnFunctionError: checkedBoolean(given.bisectBatchOnFunctionError ?? false, `${what}, bisectBatchOnFunctionError`),
      reportBatchItemFailures: reportsItems(given.functionResponseTypes ?? [], `${what}, functionResponseTypes`),
      tumblingWindowMs,
      filters: Object.freeze(patterns),
      onFailure: failures.plan,
      enabled: checkedBoolean(given.enabled ?? true, `${what}, enabled`),
    }),
  })
}

function startingPosition({ startingPosition: kind = "TRIM_HORIZON", startingPositionTimestamp: at }: Starting, what: string): StartingPosition {
  const place = `${what}, startingPosition`
  if (kind !== "AT_TIMESTAMP") {
    if (kind !== "TRIM_HORIZON" && kind !== "LATEST") {
      throw new MillraceError("MR1101", `${place}: ${JSON.stringify(kind)} is none of "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP".`)
    }
    if (at !== undefined) throw new MillraceError("MR1101", `${place}Timestamp: it is for startingPosition: "AT_TIMESTAMP" alone.`)
    return Object.freeze({ kind })
  }
  const ms = at instanceof Date ? at.getTime() : typeof at === "string" ? Date.parse(at) : Number.NaN
  if (Number.isNaN(ms)) throw new MillraceError("MR1101", `${place}Timestamp: ${JSON.stringify(at) ?? "nothing"} is not a date or ISO 8601 text.`)
  return Object.freeze({ kind, at: ms })
}

function recordAgeMs(given: Duration, what: string): number {
  if (given === -1) return -1
  const ms = checkedMs(given, what)
  if (ms >= 60_000 && ms <= 604_800_000) return ms
  throw new MillraceError("MR1101", `${what}: ${JSON.stringify(given)} must be from "60s" to "7d", or -1 for any age.`, { given })
}

function atMost(given: Duration, seconds: number, what: string): number {
  const ms = checkedMs(given, what)
  if (ms <= seconds * 1000) return ms
  throw new MillraceError("MR1101", `${what}: ${JSON.stringify(given)} is more than ${seconds} s, the longest that there is.`, { given })
}

function reportsItems(given: readonly unknown[], what: string): boolean {
  const types = checkedList(given, what)
  const unknown = types.find((type) => type !== "ReportBatchItemFailures")
  if (unknown !== undefined) throw new MillraceError("MR1101", `${what}: ${JSON.stringify(unknown)} is not "ReportBatchItemFailures".`, { given: unknown })
  return types.length > 0
}

function checkedList<Item>(given: readonly Item[], what: string): readonly Item[] {
  if (Array.isArray(given) && given.length <= limits.nameLengthMax) return given as readonly Item[]
  throw new MillraceError("MR1101", `${what}: give an array.`)
}

function checkedBoolean(given: unknown, what: string): boolean {
  if (typeof given === "boolean") return given
  throw new MillraceError("MR1101", `${what}: ${JSON.stringify(given)} is neither true nor false.`, { given })
}

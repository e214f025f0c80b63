/** Talking to a node from a program: `import { connect } from "millrace/client"`. */
import { setTimeout as timeout } from "node:timers/promises"
import { assertOptionNames } from "@millrace/model"
import { type Backoff, type Client, createClient } from "@millrace/protocol"

export { partitionOf } from "@millrace/model"
export type { StreamPlan, StreamRole } from "@millrace/model"
export type {
  AttemptReply,
  Backoff,
  CallOptions,
  CancelFilter,
  Client,
  CronReply,
  FunctionFailure,
  FunctionReply,
  InputOf,
  InvocationReply,
  LiveOptions,
  LiveRecord,
  MappingReply,
  OutputOf,
  PartitionExtent,
  PositionRange,
  Problem,
  ProduceOptions,
  ProduceReply,
  ReadOptions,
  ReceivedRecord,
  RecordPage,
  RedriveReply,
  Reflected,
  RejectedRecord,
  RetryFilter,
  RunEvent,
  RunFilter,
  RunList,
  RunReply,
  RunsOptions,
  RunState,
  RunTally,
  TableEvent,
  TableFacts,
  TableLiveOptions,
  TablePage,
  TableReadOptions,
  TableRow,
  TaskClient,
  TaskName,
  TaskReply,
  TasksOf,
  StatusReply,
  StreamDetails,
  StreamFacts,
} from "@millrace/protocol"

export interface ConnectOptions {
  /** How long a call keeps trying. @default 12 attempts, waits from 100 ms to 5 s */
  readonly backoff?: Backoff
}

/**
 * A client of the node at `url`. Nothing is sent before its first call.
 *
 * @typeParam App - the type of a service, such as `typeof app`: its tasks are then typed by their schemas
 *
 * @throws MR1101 for an option that there is not
 * @example
 * ```ts
 * const client = connect("http://127.0.0.1:7070")
 * await client.produce("payments", [{ card: "4711", amount: 12.5, at: new Date() }])
 * ```
 */
export function connect<App = unknown>(url: string, options: ConnectOptions = {}): Client<App> {
  assertOptionNames(options, ["backoff"], "connect")
  const { backoff } = options
  return createClient<App>({
    url,
    fetch,
    async sleep(ms, signal) {
      await timeout(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {})
    },
    random: Math.random,
    ...(backoff === undefined ? {} : { backoff }),
  })
}

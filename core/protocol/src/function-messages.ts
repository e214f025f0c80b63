/** The JSON bodies about functions. */

/** How a function stands. */
export interface FunctionReply {
  readonly name: string
  readonly service: string
  readonly description?: string
  /** The module of its handler and the export's name; absent where its code is in the service. */
  readonly file?: string
  readonly handler?: string
  readonly timeoutMs: number
  readonly memoryMegabytes: number
  /** Most instances at once; absent: as many as the node has room for. */
  readonly concurrency?: number
  /** Instances that there are, and how many of them are called just now. */
  readonly instances: number
  readonly busy: number
  /** The stream that feeds it: the one that its service names, where there is one. */
  readonly stream?: string
  /** How that one's mapping stands. */
  readonly mapping?: MappingReply
  /** All that feed it, those that were made over the API of Lambda too. */
  readonly mappings: readonly MappingReply[]
  /** The requests of HTTP that it answers. */
  readonly routes?: readonly string[]
}

/** How an event source mapping stands. Counts are of records, since the node started. */
export interface MappingReply {
  readonly uuid: string
  readonly stream: string
  /** `Waiting`: its stream is not there yet. `Resting`: its function is not deployed. */
  readonly state: "Enabled" | "Disabled" | "Waiting" | "Resting"
  readonly shards: number
  readonly polled: number
  readonly filteredOut: number
  readonly invoked: number
  readonly failedInvoke: number
  /** Given up, and of those told to a destination. */
  readonly dropped: number
  readonly delivered: number
  /** Age of the last record of the newest batch when that was done; it stays when nothing more comes. */
  readonly iteratorAgeMs: number
  /** All that its stream has is done. */
  readonly idle: boolean
  readonly error?: { readonly code: string; readonly message: string }
}

/** What a redrive came to. */
export interface RedriveReply {
  /** What the function took. */
  readonly batches: number
  readonly records: number
  /** Batches that have failed again, and those behind them. */
  readonly waiting: number
  /** Events that nobody waits for and that went back to the queue; absent: none of them lie where they can be read. */
  readonly events?: number
  readonly failures: readonly { readonly stream: string; readonly partition: number; readonly shardId: string; readonly reason: string }[]
}

export interface FunctionList {
  readonly functions: readonly FunctionReply[]
}

/** Why an invocation has failed, as Lambda writes it. */
export interface FunctionFailure {
  readonly errorType: string
  readonly errorMessage: string
  readonly trace?: readonly string[]
}

/** What became of an invocation. `log`: the end of what it has logged. */
export type InvocationReply =
  | { readonly outcome: "returned"; readonly requestId: string; readonly ms: number; readonly log: string; readonly payload: unknown }
  | { readonly outcome: "failed"; readonly requestId: string; readonly ms: number; readonly log: string; readonly error: FunctionFailure }

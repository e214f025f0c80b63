/**
 * Streams: named, typed, partitioned, durable logs of records. A stream is a plain value: importing the module that
 * defines one registers nothing. It is a flow that operators start from and a target that flows end in.
 */
import {
  type Duration,
  limits,
  MillraceError,
  type SchemaInput,
  type SchemaOutput,
  type StandardSchema,
} from "@millrace/model"
import type { StreamDefinition } from "./definition.ts"
import { Flow, type Keying } from "./flow/flow.ts"
import type { FromJson } from "./json-types.ts"
import { checkedMs, checkedName, checkedWhole, checkFunction, checkKeys, checkSchema } from "./setting.ts"
import type { Target } from "./target.ts"

/** Dead letters of stream `x` are in the stream `x.dead-letter`. */
export const deadLetterSuffix = ".dead-letter"

/** What an event time may be: a date, milliseconds since 1970-01-01T00:00Z, or an ISO 8601 text. */
export type EventTime = Date | number | string

/** What a stream may be told besides its schema, key and event time. */
export interface StreamSettings {
  /**
   * By how much records may come out of order: the watermark of a partition is the highest event time so far
   * minus this. A stream that a service writes takes its watermark from the flows that write it instead.
   *
   * @default "0s"
   */
  readonly outOfOrder?: Duration
  /**
   * How many partitions the stream has, 1 to 1,024: the most cores or machines that can share its work. It decides
   * where keys live, so it is chosen once; eight leaves room to grow and costs nothing while idle.
   *
   * @default 8
   */
  readonly partitions?: number
  /** How long records are kept at least. @default "1d" */
  readonly retention?: Duration
  /** A record whose event time is further ahead of the clock than this is refused (MR1005). @default "1d" */
  readonly ahead?: Duration
  /**
   * After `keyBy`, a partition that had no input for this long no longer holds the watermark back.
   *
   * @default "30s"
   */
  readonly idle?: Duration
  /** A sentence for people: shown in OpenAPI and on the dashboard. */
  readonly description?: string
}

/** A stream with a schema. */
export interface SchemaStreamOptions<S extends StandardSchema, Key> extends StreamSettings {
  /** Any Standard Schema that is not asynchronous: zod, valibot, arktype and others. Its output is the type of the stream's values. */
  readonly schema: S
  /**
   * The key of a record: 1 to 256 characters. Records of one key keep their order.
   *
   * @default none: records go to any partition, and stateful operators need a `keyBy` first
   */
  readonly key?: (value: SchemaOutput<S>) => Key
  /** The event time of a record. @default when it arrived */
  readonly time?: (value: SchemaOutput<S>) => EventTime
}

/** A stream whose records are taken as they are: any JSON. */
export interface PlainStreamOptions<T> extends StreamSettings {
  readonly schema?: undefined
  /**
   * The key of a record: 1 to 256 characters. Records of one key keep their order.
   *
   * @default none: records go to any partition, and stateful operators need a `keyBy` first
   */
  readonly key?: (value: T) => string
  /** The event time of a record. @default when it arrived */
  readonly time?: (value: T) => EventTime
}

/** Never there: what the key's type is when no key function was given. */
declare const noKey: unique symbol

/** A stream: takes values of type `In`, gives values of type `Out`. */
export class Stream<In, Out, K extends Keying> extends Flow<Out, K> implements Target<In, Out> {
  readonly "~target": StreamDefinition
  declare readonly "~accepts"?: ((value: In) => void) | undefined
  declare readonly "~gives"?: Out | undefined
  readonly name: string

  constructor(definition: StreamDefinition) {
    super({ definition, port: "out" })
    this["~target"] = definition
    this.name = definition.name
  }
}

/**
 * Defines a stream.
 *
 * @param name - unique within the service; letters, digits, ".", "_" and "-", at most 128
 * @throws MR1101 when a setting is not valid
 * @example
 * ```ts
 * const payments = stream("payments", {
 *   schema: z.object({ card: z.string(), amount: z.number(), at: z.coerce.date() }),
 *   key: (p) => p.card,
 *   time: (p) => p.at,
 *   outOfOrder: "30s",
 * })
 * ```
 */
export function stream<S extends StandardSchema, Key extends string | typeof noKey>(
  name: string,
  options: SchemaStreamOptions<S, Key> & { readonly schema: FromJson<SchemaInput<S>> },
): Stream<SchemaInput<S>, SchemaOutput<S>, [Key] extends [string] ? "keyed" : "unkeyed">
export function stream<T>(
  name: string,
  options: PlainStreamOptions<T> & { readonly key: (value: T) => string },
): Stream<T, T, "keyed">
export function stream<T = unknown>(
  name: string,
  options?: PlainStreamOptions<T> & { readonly key?: never },
): Stream<T, T, "unkeyed">
export function stream(
  name: string,
  options: SchemaStreamOptions<StandardSchema, string> | PlainStreamOptions<unknown> = {},
): Stream<unknown, unknown, Keying> {
  checkedName(name, "stream")
  const what = `stream ${JSON.stringify(name)}`
  if (name.endsWith(deadLetterSuffix)) {
    throw new MillraceError(
      "MR1101",
      `${what}: names that end in ${deadLetterSuffix} belong to dead-letter streams; name it otherwise.`,
    )
  }
  checkKeys(
    options,
    ["schema", "key", "time", "outOfOrder", "partitions", "retention", "ahead", "idle", "description"],
    what,
  )
  const { schema, key, time, description } = options
  checkSchema(schema, `${what}, schema`, "at once")
  checkFunction(key, `${what}, key`, "optional")
  checkFunction(time, `${what}, time`, "optional")
  return new Stream(
    Object.freeze({
      kind: "stream",
      name,
      partitions: checkedWhole(options.partitions ?? 8, 1, limits.partitionsMax, `${what}, partitions`),
      outOfOrderMs: checkedMs(options.outOfOrder ?? 0, `${what}, outOfOrder`),
      aheadMs: checkedMs(options.ahead ?? "1d", `${what}, ahead`),
      retentionMs: checkedMs(options.retention ?? "1d", `${what}, retention`),
      idleMs: checkedMs(options.idle ?? "30s", `${what}, idle`, 1),
      description,
      code: Object.freeze({ schema, key, time }),
    }),
  )
}

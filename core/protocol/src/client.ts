/**
 * The client of a node: produces, reads, follows. It keeps trying while a retry may help (429, 502, 503, 504, a
 * connection that breaks), and a request that stores something bears an idempotency key, so trying again never stores
 * anything twice.
 *
 * Not for: keeping records that cannot be sent; who calls `produce` holds them until it resolves.
 */
import type { MillraceError } from "@millrace/model"
import { mayHelp, parsed, retryAfterMs, unreachable } from "./answer.ts"
import { type Backoff, defaultBackoff, waitAfter } from "./backoff.ts"
import { mediaTypes } from "./body-format.ts"
import { follow, type LiveOptions, type LiveRecord } from "./follow.ts"
import type { ProduceReply, StatusReply, StreamDetails, StreamFacts, StreamList } from "./messages.ts"
import { errorOf } from "./problem.ts"
import type { RecordPage } from "./record-view.ts"
import { pathOf } from "./routes.ts"
import type { TransportRequest, World } from "./transport.ts"

export interface ClientOptions extends World {
  /** Where the node answers, e.g. `http://127.0.0.1:7070`. */
  readonly url: string
  /** @default 12 attempts, waits from 100 ms to 5 s */
  readonly backoff?: Backoff
}

export interface ProduceOptions {
  /** Names this request; @default a random one for each call */
  readonly idempotencyKey?: string
  readonly signal?: AbortSignal
}

export interface ReadOptions {
  /** @default 0 */
  readonly partition?: number
  /** `earliest`, `latest`, an offset, or a time in ISO 8601. @default earliest */
  readonly from?: string | number
  /** @default 100 */
  readonly limit?: number
}

/**
 * Every method throws what the node's problem details say, and MR1602 once the node has not been reached in all
 * attempts.
 */
export interface Client {
  /**
   * Stores records: values, each to become one line of JSON, or NDJSON as it is. Resolves once they are durable. When
   * every record is refused, that is told in the reply like any other refusal, not thrown.
   */
  produce(
    stream: string,
    records: readonly unknown[] | string | Uint8Array<ArrayBuffer>,
    options?: ProduceOptions,
  ): Promise<ProduceReply>
  read<Value = unknown>(stream: string, options?: ReadOptions): Promise<RecordPage<Value>>
  /**
   * Records as they come, until the stream ends or the signal is aborted. Comes back by itself where it was cut off.
   */
  live<Value = unknown>(stream: string, options?: LiveOptions): AsyncIterable<LiveRecord<Value>>
  /** Ends a bounded stream. */
  end(stream: string): Promise<void>
  streams(): Promise<readonly StreamFacts[]>
  stream(stream: string): Promise<StreamDetails>
  status(): Promise<StatusReply>
}

/** A client of the node at `url`. It holds no connection of its own. */
export function createClient(options: ClientOptions): Client {
  const world = options
  const base = options.url.replace(/\/+$/, "")
  const backoff = options.backoff ?? defaultBackoff

  /** The answer with its status, after as many attempts as help. */
  async function attempt(
    path: string,
    request: TransportRequest,
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    for (let attempts = 1; ; attempts++) {
      let failure: MillraceError
      let askedMs = 0
      try {
        const response = await world.fetch(base + path, request)
        // Reading the body is part of the attempt: the connection may break in the middle of it.
        const body = parsed(await response.text())
        if (response.status < 400) return { status: response.status, body }
        failure = errorOf(body, response.status)
        if (!mayHelp(response.status)) return { status: response.status, body }
        askedMs = retryAfterMs(response, failure)
      } catch (cause) {
        if (request.signal?.aborted === true) throw cause
        failure = unreachable(base, cause)
      }
      if (attempts >= backoff.attempts) throw failure
      await world.sleep(waitAfter(backoff, attempts, askedMs, world.random()), request.signal)
      if (request.signal?.aborted === true) throw failure
    }
  }

  async function call<Body>(path: string, request: TransportRequest): Promise<Body> {
    const { status, body } = await attempt(path, request)
    if (status >= 400) throw errorOf(body, status)
    return body as Body
  }

  const get: TransportRequest = { method: "GET", headers: { accept: "application/json" } }

  return {
    async produce(stream, records, { idempotencyKey = randomKey(world.random), signal } = {}) {
      const body = typeof records === "string" || records instanceof Uint8Array ? records : ndjson(records)
      const headers = {
        "content-type": mediaTypes.ndjson,
        accept: "application/json",
        "idempotency-key": idempotencyKey,
      }
      const answer = await attempt(pathOf("produce", { stream }), {
        method: "POST",
        headers,
        body,
        ...(signal === undefined ? {} : { signal }),
      })
      if (answer.status === 422 && isAllRejected(answer.body))
        return { ...listed(answer.body), accepted: 0, positions: [] }
      if (answer.status >= 400) throw errorOf(answer.body, answer.status)
      return answer.body as ProduceReply
    },
    read(stream, { partition = 0, from, limit } = {}) {
      const query = [`partition=${partition}`]
      if (from !== undefined) query.push(`from=${encodeURIComponent(from)}`)
      if (limit !== undefined) query.push(`limit=${limit}`)
      return call(`${pathOf("readStream", { stream })}?${query.join("&")}`, get)
    },
    live(stream, live = {}) {
      return follow({ world, backoff, node: base, url: base + pathOf("followStream", { stream }) }, live)
    },
    async end(stream) {
      await call(pathOf("endStream", { stream }), { method: "POST", headers: { accept: "application/json" } })
    },
    async streams() {
      return (await call<StreamList>(pathOf("listStreams"), get)).streams
    },
    stream(stream) {
      return call(pathOf("showStream", { stream }), get)
    },
    status() {
      return call(pathOf("status"), get)
    },
  }
}

function ndjson(records: readonly unknown[]): string {
  let text = ""
  for (const record of records) text += `${JSON.stringify(record)}\n`
  return text
}

/** 128 bits of chance. */
function randomKey(random: () => number): string {
  let key = ""
  for (let word = 0; word < 4; word++)
    key += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0")
  return key
}

type AllRejected = Pick<ProduceReply, "rejected" | "rejectedUnlisted">

function isAllRejected(body: unknown): body is AllRejected {
  return typeof body === "object" && body !== null && Array.isArray((body as Partial<AllRejected>).rejected)
}

function listed({ rejected, rejectedUnlisted }: AllRejected): AllRejected {
  return rejectedUnlisted === undefined ? { rejected } : { rejected, rejectedUnlisted }
}

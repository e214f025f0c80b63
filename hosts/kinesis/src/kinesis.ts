/**
 * The Kinesis API (version 2013-12-02) before a node: reads requests, checks them as AWS does, carries them out and writes
 * AWS's answers. A shard is a partition; a sequence number is an offset.
 *
 * Not for: sockets. Whoever has one gives requests to {@link KinesisApi.answer}.
 */
import { randomUUID } from "node:crypto"
import { actions } from "./actions.ts"
import { getRecords } from "./actions/get-records.ts"
import type { Api } from "./api.ts"
import { Catalog } from "./catalog.ts"
import { type Clock, processClock } from "./clock.ts"
import { type Codec, cborCodec, jsonCodec } from "./codec.ts"
import { AmazonEventStream } from "@millrace/protocol"
import { EventStream } from "./event-stream.ts"
import type { ApiRequest, ApiResponse } from "./exchange.ts"
import { KinesisFailure, failureOf } from "./failure.ts"
import { type Action, inputs } from "./inputs.ts"
import type { KinesisNode } from "./node.ts"
import { Reads } from "./reads.ts"
import { checkedInput } from "./shape.ts"
import { type Credentials, assertSigned } from "./signature.ts"
import { Subscriptions } from "./subscriptions.ts"

/** Where the API says what happened that nobody foresaw. */
interface Log {
  error(facts: object, sentence: string): void
}

export interface KinesisOptions {
  readonly node: KinesisNode
  readonly log: Log
  /** @default the clock of the process */
  readonly clock?: Clock
  /** Secrets by access key: then requests must be signed. @default none: a signature is not looked at */
  readonly credentials?: Credentials
}

export interface KinesisApi {
  /** Whether a request is for the API: a POST to `/` in one of its formats. */
  takes(request: Pick<ApiRequest, "method" | "url" | "headers">): boolean
  /** Never rejects. */
  answer(request: ApiRequest): Promise<ApiResponse>
}

const version = "Kinesis_20131202"
const defaultRegion = "us-east-1"

export function createKinesis({
  node,
  log,
  clock = processClock,
  credentials = new Map(),
}: KinesisOptions): KinesisApi {
  const catalog = new Catalog(node, clock)
  const subscriptions = new Subscriptions()
  const reads = new Reads()

  async function answer(request: ApiRequest): Promise<ApiResponse> {
    const { headers } = request
    const codec = codecOf(headers["content-type"])
    if (codec === undefined) return xml(404, "UnknownOperationException")
    try {
      const body = await request.body()
      if (credentials.size > 0) assertSigned(request, body, credentials, clock.now())
      const action = actionOf(headers["x-amz-target"])
      if (action === undefined) throw new KinesisFailure("UnknownOperationException", "")
      const { unready } = node
      if (unready !== undefined) throw new KinesisFailure("ServiceUnavailableException", unready.message)
      const input = checkedInput(codec.decode(body), inputs[action], codec)
      const { signal } = request
      const api: Api = {
        node,
        catalog,
        subscriptions,
        clock,
        codec,
        signal,
        region: regionOf(headers["authorization"]),
      }
      if (action === "GetRecords") return await reads.turn(() => records(input, api, request))
      const result = await actions[action](input as never, api)
      if (result instanceof EventStream) {
        return {
          status: 200,
          headers: { ...ids(), "content-type": AmazonEventStream.contentType },
          body: result.messages,
        }
      }
      return respond(200, codec, result === undefined ? new Uint8Array(0) : codec.encode(result))
    } catch (thrown) {
      const failure = failureOf(thrown) ?? unforeseen(thrown, headers["x-amz-target"])
      return respond(failure.status, codec, codec.encode(failure.body))
    }
  }

  /** As AWS slows down who reads too much: SDKs wait and ask again. */
  async function records(input: unknown, api: Api, { isCrowded, signal }: ApiRequest): Promise<ApiResponse> {
    // Whoever has gone meanwhile needs nothing.
    if (signal.aborted || isCrowded?.() === true) throw new KinesisFailure("ProvisionedThroughputExceededException", "Rate exceeded: too many records wait for their readers. Ask again after a moment.")
    return respond(200, api.codec, api.codec.encode(await getRecords(input as never, api)))
  }

  function unforeseen(error: unknown, target: unknown): KinesisFailure {
    log.error({ target, error }, "A request of the Kinesis API failed in a way that was not foreseen.")
    return new KinesisFailure(
      "InternalFailureException",
      "The node failed in a way that it did not foresee. Its log names the fault.",
    )
  }

  return { takes, answer }
}

function takes({ method, url, headers }: Pick<ApiRequest, "method" | "url" | "headers">): boolean {
  return (
    method === "POST" &&
    /^\/?(\?|$)/.test(url) &&
    (headers["x-amz-target"] !== undefined || codecOf(headers["content-type"]) !== undefined)
  )
}

function codecOf(contentType: unknown): Codec | undefined {
  const type = typeof contentType === "string" ? contentType.split(";")[0]?.trim().toLowerCase() : undefined
  if (type === jsonCodec.contentType || type === "application/json") return jsonCodec
  return type === cborCodec.contentType ? cborCodec : undefined
}

function actionOf(target: unknown): Action | undefined {
  if (typeof target !== "string") return undefined
  const [named, action = "", ...rest] = target.split(".")
  return named === version && rest.length === 0 && Object.hasOwn(inputs, action) ? (action as Action) : undefined
}

/** The region that the signature names: what a client is configured with comes back in its ARNs. */
function regionOf(authorization: unknown): string {
  const scope =
    typeof authorization === "string"
      ? /Credential=[^/]+\/\d{8}\/([a-z0-9-]{1,32})\/kinesis\//.exec(authorization)
      : null
  return scope?.[1] ?? defaultRegion
}

function respond(status: number, codec: Codec, body: Uint8Array): ApiResponse {
  return {
    status,
    headers: { ...ids(), "content-type": codec.contentType, "content-length": String(body.length) },
    body,
  }
}

/** Before the content is understood AWS answers in XML. */
function xml(status: number, type: string): ApiResponse {
  const body = Buffer.from(`<${type}/>\n`)
  return { status, headers: { ...ids(), "content-length": String(body.length) }, body }
}

function ids(): Record<string, string> {
  const id = randomUUID()
  return { "x-amzn-requestid": id, "x-amz-id-2": Buffer.from(id).toString("base64") }
}

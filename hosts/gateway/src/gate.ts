/** What every route gets besides the request: the node behind the front door and the front door's own parts. */
import { MillraceError, type StreamPlan } from "@millrace/model"
import type { Context } from "hono"
import { type Incoming, json, type Outgoing } from "./answer.ts"
import type { Clock } from "./clock.ts"
import type { LiveReaders } from "./live-readers.ts"
import type { Log } from "./log.ts"
import type { Metrics } from "./metrics.ts"
import type { GatewayNode } from "./node.ts"
import type { ArrivingBodies } from "./request-body.ts"
import type { UnreadAnswers } from "./unread-answers.ts"

export interface Gate {
  readonly node: GatewayNode
  readonly version: string
  readonly clock: Clock
  readonly log: Log
  readonly bodies: ArrivingBodies
  readonly unread: UnreadAnswers
  readonly readers: LiveReaders
  readonly metrics: Metrics
}

/** What is noted of a request while it is served. */
export interface Noted {
  /** The route, or the name of a mount; undefined until one has matched. */
  route: string | undefined
  /** Whether it lasts as long as its reader likes, so that its duration says nothing. */
  isLive?: true
}

/** What hono hands on of the server: the request and response of either version of HTTP, and the notes. */
export interface Bindings {
  readonly incoming: Incoming
  readonly outgoing: Outgoing
  readonly noted: Noted
}

export type RouteContext = Context<{ Bindings: Bindings }>

/** Serves one route. Throws a MillraceError for what becomes problem details. */
export type Handler = (context: RouteContext, gate: Gate) => Response | Promise<Response>

/** An answer as JSON text that may be large: it counts until its reader has it. */
export function largeJson(text: string, { env: { outgoing } }: RouteContext, { unread }: Gate): Response {
  unread.add(outgoing, text.length)
  return json(text)
}

/**
 * The stream that a request is about.
 *
 * @throws MR1401 while the node is not ready: it may not know its streams yet; MR1008
 */
export function streamOf(context: RouteContext, { node }: Gate): StreamPlan {
  assertReady(node)
  const name = context.req.param("stream") ?? ""
  const stream = node.streams.find((each) => each.name === name)
  if (stream !== undefined) return stream
  const known = node.streams.filter(({ role }) => role === "source" || role === "derived").map((each) => each.name)
  const mend =
    known.length === 0
      ? "This node has none; start it with a service."
      : `There are: ${known.slice(0, 20).join(", ")}${known.length > 20 ? ", …" : ""}.`
  throw new MillraceError("MR1008", `There is no stream ${JSON.stringify(name.slice(0, 200))}. ${mend}`, {
    stream: name.slice(0, 200),
  })
}

/** @throws MR1401 or what else keeps the node from serving */
export function assertReady(node: GatewayNode): void {
  const { unready } = node
  if (unready !== undefined) throw new MillraceError(unready.code, unready.message, unready.details)
}

/** Answers: JSON, and failures as problem details with the headers that their code calls for. */
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2"
import { type ErrorData, errorData, errorTable, isMillraceError, limits } from "@millrace/model"
import { mediaTypes, problemOf, problemType } from "@millrace/protocol"
import type { Clock } from "./clock.ts"

/** Requests and answers of either version of HTTP. */
export type Incoming = IncomingMessage | Http2ServerRequest
export type Outgoing = ServerResponse | Http2ServerResponse

/** Whether nobody is there any more to read an answer. */
export function isGone(outgoing: Outgoing): boolean {
  return "stream" in outgoing ? outgoing.stream.destroyed : outgoing.destroyed
}

/** Writes a part of an answer; false: what waits is much. The two are one call to whoever runs it, and two to the compiler. */
export function written(outgoing: Outgoing, part: string | Uint8Array): boolean {
  return "stream" in outgoing ? outgoing.write(part) : outgoing.write(part)
}

/** An answer as JSON text. */
export function json(text: string): Response {
  return new Response(text, { headers: { "content-type": "application/json" } })
}

/** A failure with the path it came from. */
export function problem(data: ErrorData, instance: string): Response {
  return new Response(JSON.stringify(problemOf(data, instance)), {
    status: errorTable[data.code].status,
    headers: headersOf(data),
  })
}

/**
 * What a thrown thing is to the one who asked. A broken invariant is told to the log alone: its message may name what
 * is not theirs to know.
 */
export function failureOf(thrown: unknown): ErrorData {
  if (isMillraceError(thrown)) return errorData(thrown)
  return {
    code: "MR1404",
    message: "The node failed in a way that it did not foresee. Its log names the fault.",
    details: {},
  }
}

/** The headers of a failure's answer. */
export function headersOf(data: ErrorData): Record<string, string> {
  const headers: Record<string, string> = { "content-type": problemType }
  if (errorTable[data.code].advice === "retry") headers["retry-after"] = String(retryAfterSeconds(data))
  if (data.code === "MR1006") {
    headers["accept-post"] = Object.values(mediaTypes).join(", ")
    headers["accept-encoding"] = "gzip, identity"
  }
  const allow = data.details["allow"]
  if (data.code === "MR1019" && Array.isArray(allow)) headers["allow"] = allow.join(", ")
  return headers
}

/**
 * Whole seconds, rounded up: `Retry-After` knows no less. `retryAfterMs` in the details tells clients that can read it
 * more closely.
 */
function retryAfterSeconds({ details }: ErrorData): number {
  const exact = details["retryAfterMs"]
  return typeof exact === "number" && exact > 0 ? Math.ceil(exact / 1000) : 1
}

/** Writes an answer past the Fetch API's objects: the hot path. */
export function send(outgoing: Outgoing, status: number, headers: Record<string, string>, body: string | Uint8Array): void {
  // Whoever asked has gone.
  if (isGone(outgoing) || outgoing.headersSent) return
  const all = { ...headers, "content-length": String(Buffer.byteLength(body)) }
  // The two are one call to whoever runs it, and two to the compiler.
  if ("stream" in outgoing) outgoing.writeHead(status, all)
  else outgoing.writeHead(status, all)
  outgoing.end(body)
}

/**
 * Answers a request whose body has not been read to its end. A sender that is still writing would see its connection
 * reset, and many then never read the answer: so the answer goes out at once, what still comes is read and thrown away
 * within bounds, and only then the connection is closed. A small rest of known length costs less than a new
 * connection: it is thrown away and the connection kept.
 */
export function refuse(
  incoming: Incoming,
  outgoing: Outgoing,
  status: number,
  headers: Record<string, string>,
  body: string | Uint8Array,
  clock: Clock,
): void {
  const declared = Number(incoming.headers["content-length"] ?? Number.NaN)
  if (incoming.complete || declared <= limits.requestBytesMax) {
    send(outgoing, status, headers, body)
    incoming.resume()
    return
  }
  if ("stream" in outgoing) {
    // A stream of HTTP/2 ends by itself, and its connection stays.
    send(outgoing, status, headers, body)
    outgoing.stream.once("finish", () => outgoing.stream.close())
    return
  }
  if (outgoing.destroyed || outgoing.headersSent) return
  outgoing.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body), connection: "close" })
  outgoing.write(body)
  // Node closes the connection once the answer has ended, so its end waits for the body.
  let discarded = 0
  const close = (): void => {
    cancel()
    incoming.removeAllListeners("data")
    outgoing.end()
  }
  const cancel = clock.after(limits.refusedMsMax, close)
  incoming.on("data", (chunk: Buffer) => {
    discarded += chunk.length
    if (discarded > limits.refusedBytesMax) close()
  })
  incoming.once("end", close)
  incoming.once("close", close)
  incoming.resume()
}

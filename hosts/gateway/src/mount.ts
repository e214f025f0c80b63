/**
 * Another API on the gateway's own port, at an address that the gateway's routes do not have. Defined by shape: who makes
 * one does not know the gateway.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import { MillraceError } from "@millrace/model"
import { refuse } from "./answer.ts"
import type { Gate, Noted } from "./gate.ts"
import { assertLength, readBody, SenderGone } from "./request-body.ts"

export interface MountedRequest {
  readonly method: string
  /** With its query. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** The whole body. @throws MR1007, MR1010, MR1020 */
  body(): Promise<Uint8Array>
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal
}

export interface MountedResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** All of it, or its parts as they come. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
}

export interface Mount {
  /** Name of its requests in the gateway's figures. */
  readonly name: string
  /** Whether a request is for it. */
  takes(request: Pick<MountedRequest, "method" | "url" | "headers">): boolean
  /** Never rejects. */
  answer(request: MountedRequest): Promise<MountedResponse>
}

/** Hands a request to a mount and writes down its answer. */
export async function serveMounted(
  mount: Mount,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  noted: Noted,
  gate: Gate,
): Promise<void> {
  const gone = new AbortController()
  outgoing.once("close", () => gone.abort())
  const { method = "", url = "", headers } = incoming
  const state = { senderGone: false }
  const body = async (): Promise<Uint8Array> => {
    try {
      const encoding = headers["content-encoding"]?.trim().toLowerCase() ?? "identity"
      if (encoding !== "identity" && encoding !== "gzip") {
        throw new MillraceError("MR1006", `The content encoding ${JSON.stringify(encoding.slice(0, 200))} is not taken.`)
      }
      const declared = headers["content-length"]
      if (declared !== undefined) assertLength(Number(declared))
      const bytes = await readBody(incoming, encoding, gate.bodies)
      gate.metrics.bodyBytes += bytes.length
      return bytes
    } catch (error) {
      if (error instanceof SenderGone) state.senderGone = true
      throw error
    }
  }
  const answer = await mount.answer({ method, url, headers, body, signal: gone.signal })
  if (state.senderGone || outgoing.destroyed) return
  if (answer.body instanceof Uint8Array) {
    if (incoming.complete) writeWhole(outgoing, answer.status, answer.headers, answer.body)
    else refuse(incoming, outgoing, answer.status, { ...answer.headers }, answer.body, gate.clock)
    return
  }
  noted.isLive = true
  outgoing.writeHead(answer.status, { ...answer.headers })
  outgoing.flushHeaders()
  try {
    for await (const part of answer.body) {
      if (gone.signal.aborted) break
      if (!outgoing.write(part)) await drained(outgoing, gone.signal)
    }
    outgoing.end()
  } catch (error) {
    gate.log.warn({ mount: mount.name, error }, "An answer broke off.")
    outgoing.destroy()
  }
}

function writeWhole(outgoing: ServerResponse, status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): void {
  if (outgoing.headersSent) return
  outgoing.writeHead(status, { ...headers })
  outgoing.end(body)
}

function drained(outgoing: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.removeListener("drain", done)
      signal.removeEventListener("abort", done)
      resolve()
    }
    outgoing.once("drain", done)
    signal.addEventListener("abort", done)
  })
}

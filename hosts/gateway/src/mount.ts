/**
 * Another API on the gateway's own port, at an address that the gateway's routes do not have. Defined by shape: who makes
 * one does not know the gateway.
 */
import { limits, MillraceError } from "@millrace/model"
import { type Incoming, isGone, type Outgoing, refuse, written } from "./answer.ts"
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
  /** Whether so much waits for its readers that no large answer should be made now. */
  readonly isCrowded?: () => boolean
  /** The client's address. */
  readonly remoteAddress: string
  /** `HTTP/1.1`. */
  readonly protocol: string
}

export interface MountedResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  /** All of it, or its parts as they come. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
}

export interface Mount {
  /** Name of its requests in the gateway's figures. */
  readonly name: string
  /** Whether a request is for it. */
  takes(request: Pick<MountedRequest, "method" | "url" | "headers">): boolean
  /** Whether a request that comes from a page of another origin may enter all the same. @default none may */
  admits?(request: Pick<MountedRequest, "method" | "url" | "headers">): boolean
  /** Never rejects. */
  answer(request: MountedRequest): Promise<MountedResponse>
}

/**
 * Hands a request to a mount and writes down its answer.
 *
 * @param lasting - gets what ends an answer that comes in parts, as long as it lasts
 */
export async function serveMounted(
  mount: Mount,
  incoming: Incoming,
  outgoing: Outgoing,
  noted: Noted,
  gate: Gate,
  lasting: Set<AbortController>,
): Promise<void> {
  const gone = new AbortController()
  outgoing.once("close", () => gone.abort())
  const { method = "", url = "", headers } = incoming
  const state = { senderGone: false }
  const body = async (): Promise<Uint8Array> => {
    // Over HTTP/1.1 the server itself looks after it.
    const cancel =
      "stream" in outgoing ? gate.clock.after(limits.requestMsMax, () => outgoing.stream.destroy()) : () => undefined
    try {
      const encoding = headers["content-encoding"]?.trim().toLowerCase() ?? "identity"
      if (encoding !== "identity" && encoding !== "gzip") {
        throw new MillraceError(
          "MR1006",
          `The content encoding ${JSON.stringify(encoding.slice(0, 200))} is not taken.`,
        )
      }
      const declared = headers["content-length"]
      if (declared !== undefined) assertLength(Number(declared))
      const bytes = await readBody(incoming, encoding, gate.bodies)
      gate.metrics.bodyBytes += bytes.length
      return bytes
    } catch (error) {
      if (error instanceof SenderGone) state.senderGone = true
      throw error
    } finally {
      cancel()
    }
  }
  const remoteAddress = incoming.socket.remoteAddress ?? ""
  const protocol = `HTTP/${incoming.httpVersion}`
  const answer = await mount.answer({ method, url, headers, body, signal: gone.signal, isCrowded: () => gate.unread.isCrowded(), remoteAddress, protocol })
  if (state.senderGone || isGone(outgoing)) return
  if (answer.body instanceof Uint8Array) {
    gate.unread.add(outgoing, answer.body.length)
    if (incoming.complete) {
      writeHead(outgoing, answer)
      outgoing.end(answer.body)
    } else refuse(incoming, outgoing, answer.status, { ...(answer.headers as Record<string, string>) }, answer.body, gate.clock)
    return
  }
  noted.isLive = true
  writeHead(outgoing, answer)
  if (!("stream" in outgoing)) outgoing.flushHeaders()
  lasting.add(gone)
  try {
    for await (const part of answer.body) {
      if (gone.signal.aborted) break
      if (!written(outgoing, part)) await drained(outgoing, gone.signal)
    }
    outgoing.end()
  } catch (error) {
    gate.log.warn({ mount: mount.name, error }, "An answer broke off.")
    if ("stream" in outgoing) outgoing.stream.destroy()
    else outgoing.destroy()
  } finally {
    lasting.delete(gone)
  }
}

function writeHead(outgoing: Outgoing, { status, headers }: MountedResponse): void {
  // The two are one call to whoever runs it, and two to the compiler.
  const all = headers as Record<string, string | string[]>
  if ("stream" in outgoing) outgoing.writeHead(status, { ...all })
  else outgoing.writeHead(status, { ...all })
}

function drained(outgoing: Outgoing, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
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

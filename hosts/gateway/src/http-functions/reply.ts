/** What a function has answered, as a response of HTTP: API Gateway's rules of payload format 2.0. */
import { validateHeaderName, validateHeaderValue } from "node:http"

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly body: Uint8Array
}

/** Of the connection, not of the answer; or of the length, which follows from the body. */
const dropped = new Set(["connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"])

export function plainReply(status: number, message: string): Reply {
  return { status, headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify({ message })) }
}

/** @param payload - JSON */
export function replyOf(payload: string): Reply {
  const answer: unknown = JSON.parse(payload)
  if (typeof answer === "object" && answer !== null && !Array.isArray(answer) && "statusCode" in answer) {
    return headOf(answer, (body, isBase64) => (isBase64 ? Buffer.from(body, "base64") : Buffer.from(body))) ?? plainReply(500, "Internal Server Error")
  }
  return { status: 200, headers: { "content-type": "application/json" }, body: Buffer.from(typeof answer === "string" ? answer : payload) }
}

/** Status, headers and body that an answer names; undefined when it is misformed. */
export function headOf(answer: object, bytesOf: (body: string, isBase64: boolean) => Uint8Array): Reply | undefined {
  const { statusCode = 200, headers = {}, cookies = [], body = "", isBase64Encoded = false } = answer as Readonly<Record<string, unknown>>
  // An object may have no text form.
  const status = typeof statusCode === "object" ? Number.NaN : Number(statusCode)
  if (!Number.isInteger(status) || status < 200 || status > 599) return undefined
  if (typeof headers !== "object" || headers === null || !Array.isArray(cookies)) return undefined
  const all: Record<string, string | readonly string[]> = {}
  try {
    for (const [name, value] of Object.entries(headers)) {
      const lower = name.toLowerCase()
      if (value === null || value === undefined || dropped.has(lower)) continue
      if (typeof value === "object") return undefined
      validateHeaderName(lower)
      validateHeaderValue(lower, String(value))
      all[lower] = String(value)
    }
    const set = cookies.map(String)
    for (const cookie of set) validateHeaderValue("set-cookie", cookie)
    if (set.length > 0) all["set-cookie"] = all["set-cookie"] === undefined ? set : [all["set-cookie"] as string, ...set]
  } catch {
    return undefined
  }
  if (body !== null && typeof body !== "string") return undefined
  const bytes = body === null ? new Uint8Array(0) : bytesOf(body, isBase64Encoded === true)
  // What API Gateway says of a body whose kind nobody names.
  if (all["content-type"] === undefined && bytes.length > 0) all["content-type"] = "text/plain;charset=UTF-8"
  return { status, headers: all, body: bytes }
}

/** What the two operations that invoke have in common: what is asked, and what may be asked. */
import { deepJsonFault, isDeepJson, limits } from "@millrace/model"
import type { MountedRequest } from "../mount.ts"
import { one } from "./lambda-answer.ts"
import { Refusal, tooLarge } from "./refusal.ts"

/** What a request asks for. */
export interface Asked {
  readonly kind: string
  /** JSON text. */
  readonly payload: string
  readonly tail: boolean
  readonly clientContext: string | undefined
}

const kinds = ["Event", "RequestResponse", "DryRun"]

/**
 * @param allowed - of the kinds
 * @throws Refusal InvalidParameterValueException, RequestTooLargeException, InvalidRequestContentException
 */
export function askedOf({ headers }: Pick<MountedRequest, "headers">, body: Uint8Array, allowed: readonly string[] = kinds): Asked {
  const kind = one(headers["x-amz-invocation-type"]) ?? "RequestResponse"
  if (!allowed.includes(kind)) {
    throw new Refusal(400, "InvalidParameterValueException", `1 validation error detected: Value '${kind}' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [${allowed.join(", ")}]`)
  }
  const most = kind === "Event" ? limits.functionQueuedBytesMax : limits.functionPayloadBytesMax
  if (body.length > most) throw tooLarge(most)
  const payload = payloadOf(body)
  return { kind, payload, tail: one(headers["x-amz-log-type"]) === "Tail", clientContext: contextOf(one(headers["x-amz-client-context"])) }
}

/** @throws Refusal InvalidRequestContentException */
function payloadOf(body: Uint8Array): string {
  if (body.length === 0) return "{}"
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8")
  try {
    JSON.parse(text)
  } catch (cause) {
    throw new Refusal(400, "InvalidRequestContentException", `Could not parse request body into json: ${(cause as Error).message}`)
  }
  if (isDeepJson(text)) throw new Refusal(400, "InvalidRequestContentException", `Could not parse request body into json: ${deepJsonFault}.`)
  return text
}

function contextOf(given: string | undefined): string | undefined {
  if (given === undefined) return undefined
  const text = Buffer.from(given, "base64").toString("utf8")
  try {
    JSON.parse(text)
    return text
  } catch {
    throw new Refusal(400, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.")
  }
}

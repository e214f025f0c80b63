/** What the API of Lambda answers when it refuses, in AWS's words. */
import { isMillraceError, limits } from "@millrace/model"
import type { MountedResponse } from "../mount.ts"
import { withBody } from "./lambda-answer.ts"

/** An answer that is an error of the API. */
export class Refusal extends Error {
  readonly status: number
  readonly type: string
  readonly more: Readonly<Record<string, string>>

  constructor(status: number, type: string, message: string, more: Readonly<Record<string, string>> = { Type: "User" }) {
    super(message)
    this.status = status
    this.type = type
    this.more = more
  }
}

export function refusalOf(error: unknown, url: string): Refusal | Error {
  if (error instanceof Refusal) return error
  if (error instanceof URIError) return new Refusal(404, "ResourceNotFoundException", `Function not found: ${url}`)
  if (isMillraceError(error)) {
    if (error.code === "MR1007") return tooLarge(limits.functionPayloadBytesMax)
    if (error.code === "MR1010") return throttled("ConcurrentInvocationLimitExceeded")
    if (error.code === "MR1031") return new Refusal(404, "ResourceNotFoundException", error.message)
    if (error.code === "MR1020" || error.code === "MR1006") return new Refusal(400, "InvalidRequestContentException", error.message)
    return new Refusal(500, "ServiceException", `${error.message} [${error.code}]`, { Type: "Service" })
  }
  return error instanceof Error ? error : new Error(String(error))
}

export function refused(refusal: Refusal | Error, requestId: string): MountedResponse {
  if (!(refusal instanceof Refusal)) {
    return withBody(500, { "x-amzn-requestid": requestId, "x-amzn-errortype": "ServiceException" }, JSON.stringify({ Type: "Service", Message: "The node failed in a way that it did not foresee. Its log names the fault." }))
  }
  const { status, type, message, more } = refusal
  // AWS writes the message of this one with a capital letter.
  const said = type === "ResourceNotFoundException" || type === "ServiceException" ? { Message: message } : { message }
  return withBody(status, { "x-amzn-requestid": requestId, "x-amzn-errortype": type }, JSON.stringify({ ...more, ...said }))
}

export function tooLarge(most: number): Refusal {
  return new Refusal(413, "RequestTooLargeException", `Request must be smaller than ${most} bytes for the InvokeFunction operation`)
}

export function throttled(reason: string): Refusal {
  return new Refusal(429, "TooManyRequestsException", "Rate Exceeded.", { Reason: reason, Type: "User" })
}

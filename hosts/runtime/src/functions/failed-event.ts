/** What a destination is told of an event that was given up: Lambda's invocation record, as JSON text, and its name in S3. */
import { type FailedEvent, account } from "@millrace/model"
import { uuidOf } from "../uuid-of.ts"
import type { EventFacts } from "./event-shelf.ts"

/** @param payload - JSON text: it goes in as it came, not parsed and written again */
export function failedEvent({ function: name, requestId, attempts, error, givenUp }: EventFacts, payload: string, region: string): string {
  if (givenUp === undefined) throw new Error("failed-event: the event is not given up")
  const about: Pick<FailedEvent, "version" | "timestamp" | "requestContext"> = {
    version: "1.0",
    timestamp: new Date(givenUp.at).toISOString(),
    requestContext: {
      requestId,
      functionArn: `arn:aws:lambda:${region}:${account}:function:${name}:$LATEST`,
      condition: givenUp.condition,
      approximateInvokeCount: attempts,
    },
  }
  const response: Pick<FailedEvent, "responseContext" | "responsePayload"> =
    error === undefined ? {} : { responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" }, responsePayload: error }
  const after = JSON.stringify(response).slice(1, -1)
  return `${JSON.stringify(about).slice(0, -1)},"requestPayload":${payload}${after === "" ? "" : `,${after}`}}`
}

/** What the names of a function's objects begin with. */
export function failedEventPrefix(name: string): string {
  return `aws/lambda/async/${name}/`
}

/** The object's name in S3, as Lambda has it; the same for the same event whenever it is asked for. */
export function failedEventName({ function: name, requestId, givenUp }: EventFacts): string {
  const [date = "", time = ""] = new Date(givenUp?.at ?? 0).toISOString().slice(0, 19).split("T")
  return `${failedEventPrefix(name)}${date.replaceAll("-", "/")}/${date}T${time.replaceAll(":", ".")}-${uuidOf(requestId)}`
}

/** What a destination is told of an event that was done: Lambda's invocation record, as JSON text. */
import { type SucceededEvent, account } from "@millrace/model"
import type { EventFacts } from "./event-shelf.ts"

/** @param payload - JSON text, as is the answer: both go in as they came, not parsed and written again */
export function succeededEvent({ function: name, requestId, attempts, succeeded }: EventFacts, payload: string, region: string): string {
  if (succeeded === undefined) throw new Error("succeeded-event: the event is not done")
  const about: Pick<SucceededEvent, "version" | "timestamp" | "requestContext"> = {
    version: "1.0",
    timestamp: new Date(succeeded.at).toISOString(),
    requestContext: { requestId, functionArn: `arn:aws:lambda:${region}:${account}:function:${name}:$LATEST`, condition: "Success", approximateInvokeCount: attempts + 1 },
  }
  const context: SucceededEvent["responseContext"] = { statusCode: 200, executedVersion: "$LATEST" }
  return `${JSON.stringify(about).slice(0, -1)},"requestPayload":${payload},"responseContext":${JSON.stringify(context)},"responsePayload":${succeeded.answer}}`
}

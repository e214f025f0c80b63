/** Invoke: the function's answer as the body of a response, with what became of it in its headers. */
import type { FunctionPlan } from "@millrace/model"
import type { MountedResponse } from "../mount.ts"
import type { FunctionInvocation, GatewayEvents, GatewayFunctions } from "./functions.ts"
import type { Asked } from "./invocations.ts"
import { withBody } from "./lambda-answer.ts"
import { throttled } from "./refusal.ts"

interface Parts {
  readonly functions: GatewayFunctions
  readonly events: Pick<GatewayEvents, "add">
}

export async function invoke({ functions, events }: Parts, { name }: FunctionPlan, { kind, payload, tail, clientContext }: Asked, requestId: string): Promise<MountedResponse> {
  const ids = { "x-amzn-requestid": requestId }
  if (kind === "DryRun") return { status: 204, headers: ids, body: new Uint8Array(0) }
  const context = clientContext === undefined ? {} : { clientContext }
  if (kind === "Event") {
    // Once it is durable.
    await events.add(name, payload, { requestId, ...context })
    return { status: 202, headers: { ...ids, "content-length": "0" }, body: new Uint8Array(0) }
  }
  return responseOf(await functions.invoke(name, payload, { requestId, tail, ...context }), ids)
}

function responseOf(invocation: FunctionInvocation, ids: Readonly<Record<string, string>>): MountedResponse {
  if (invocation.kind === "throttled") throw throttled(invocation.reason === "node" ? "ConcurrentInvocationLimitExceeded" : "ReservedFunctionConcurrentInvocationLimitExceeded")
  const { log } = invocation
  const failed = invocation.kind === "failed"
  const error = failed ? invocation.error.errorType : undefined
  // The answer to the caller, unlike the function's own failures, is the caller's 413.
  if (error === "Function.ResponseSizeTooLarge" && failed) {
    return withBody(413, { ...ids, "x-amz-function-error": "Unhandled", "x-amzn-errortype": "Function.ResponseSizeTooLarge" }, JSON.stringify(invocation.error))
  }
  const headers = {
    ...ids,
    "x-amz-executed-version": "$LATEST",
    ...(failed ? { "x-amz-function-error": "Unhandled" } : {}),
    ...(log === undefined ? {} : { "x-amz-log-result": Buffer.from(log).toString("base64") }),
  }
  return withBody(200, headers, failed ? JSON.stringify(invocation.error) : invocation.payload)
}

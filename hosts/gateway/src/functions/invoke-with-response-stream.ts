/**
 * InvokeWithResponseStream: the answer as an event stream, part by part as the handler writes it, no faster than it is read; then how it has ended. What a
 * handler returns that does not stream is one part.
 */
import { crc32 } from "node:zlib"
import type { FunctionPlan } from "@millrace/model"
import { AmazonEventStream } from "@millrace/protocol"
import type { MountedResponse } from "../mount.ts"
import type { FunctionInvocation, GatewayFunctions } from "./functions.ts"
import type { Asked } from "./invocations.ts"
import { PartQueue } from "./part-queue.ts"
import { throttled } from "./refusal.ts"

const framing = new AmazonEventStream(crc32)

/** @throws Refusal TooManyRequestsException, and what `invoke` throws before the answer has begun */
export async function invokeWithResponseStream(functions: GatewayFunctions, { name }: FunctionPlan, { kind, payload, tail, clientContext }: Asked, requestId: string): Promise<MountedResponse> {
  const ids = { "x-amzn-requestid": requestId }
  if (kind === "DryRun") return { status: 204, headers: ids, body: new Uint8Array(0) }
  const queue = new PartQueue()
  let begin = (): void => undefined
  const begun = new Promise<"begun">((resolve) => (begin = () => resolve("begun")))
  const parts = { begin, part: (bytes: Uint8Array) => (bytes.length === 0 ? undefined : queue.push(chunk(bytes))) }
  const invoked = functions.invoke(name, payload, { requestId, tail, parts, ...(clientContext === undefined ? {} : { clientContext }) })
  const first = await Promise.race([begun, invoked])
  if (first === "begun") {
    invoked.then(
      (invocation) => finish(queue, invocation),
      (error: unknown) => queue.end(error as Error),
    )
  } else if (first.kind === "throttled") throw throttled(first.reason === "node" ? "ConcurrentInvocationLimitExceeded" : "ReservedFunctionConcurrentInvocationLimitExceeded")
  else {
    if (first.kind === "returned" && first.payload !== "") hold(queue.push(chunk(Buffer.from(first.payload))))
    finish(queue, first)
  }
  const headers = { ...ids, "content-type": AmazonEventStream.contentType, "x-amz-executed-version": "$LATEST" }
  return { status: 200, headers, body: queue.parts() }
}

function chunk(bytes: Uint8Array): Uint8Array {
  return framing.event("PayloadChunk", "application/octet-stream", bytes)
}

function finish(queue: PartQueue, invocation: FunctionInvocation): void {
  if (invocation.kind === "throttled") throw new Error("lambda: an answer that has begun was throttled")
  const { log } = invocation
  const complete = {
    ...(invocation.kind === "failed" ? { ErrorCode: "Unhandled", ErrorDetails: JSON.stringify(invocation.error) } : {}),
    ...(log === undefined ? {} : { LogResult: Buffer.from(log).toString("base64") }),
  }
  hold(queue.push(framing.event("InvokeComplete", "application/json", Buffer.from(JSON.stringify(complete)))))
  queue.end()
}

/** Who has gone away need not be told. */
function hold(taken: Promise<void>): void {
  taken.catch(() => undefined)
}

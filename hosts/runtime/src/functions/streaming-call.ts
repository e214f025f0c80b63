/** Calls a handler that streams its answer, as Lambda's runtime for Node does. Runs in instances: it imports little. */
import { type Handler, markStreaming } from "./handler-module.ts"
import { httpResponseStream, type ResponseStream } from "./response-stream.ts"

/** What handlers find as the global `awslambda`. */
export const awslambda: { readonly streamifyResponse: (handler: Handler) => Handler; readonly HttpResponseStream: typeof httpResponseStream } = {
  streamifyResponse: markStreaming,
  HttpResponseStream: httpResponseStream,
}

/** Resolves once the handler has ended and all that it has written is on its way. */
export async function streamed(handler: Handler, event: unknown, out: ResponseStream, context: object): Promise<void> {
  const result = handler(event, out, context)
  // Lambda's own words, thrown as it throws them.
  if (typeof (result as { readonly then?: unknown } | null | undefined)?.then !== "function") throw "Streaming does not support non-async handlers." as unknown as Error
  await (result as PromiseLike<unknown>)
  if (out.writableFinished) return
  if (!out.writableEnded) throw "Response stream is not finished." as unknown as Error
  await new Promise<void>((resolve) => out.once("finish", resolve))
}

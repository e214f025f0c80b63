/** Which trace the event of a function belongs to: that of the HTTP request that it tells of. */
import { type TraceFields, traceOf } from "@millrace/model"

export function traceIn(event: unknown): TraceFields {
  const { headers } = (event ?? {}) as { readonly headers?: { readonly [name: string]: unknown } }
  return traceOf(headers?.["traceparent"], headers?.["tracestate"])
}

/**
 * Spans of runs, through the API of OpenTelemetry alone: they are nothing unless the user has registered an SDK in the thread at hand. A
 * run carries the span of its enqueue as W3C `traceparent` and `tracestate`; an attempt is a child of that, and what its code calls are
 * children of it.
 *
 * Not for: baggage, metrics.
 */
import { type Attributes, type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, context, createTraceState, isSpanContextValid, trace } from "@opentelemetry/api"
import type { ErrorData, TraceFields } from "@millrace/model"

const tracer = trace.getTracer("millrace")

/** Whether somebody has registered an SDK in this thread: without one, spans come to nothing. */
export function isTraced(): boolean {
  // The API's own stands in until then; of another nothing is known.
  const { getDelegateTracer } = trace.getTracerProvider() as { getDelegateTracer?: (name: string) => unknown }
  return getDelegateTracer === undefined || getDelegateTracer.call(trace.getTracerProvider(), "millrace") !== undefined
}

const shape = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** The context that a trace tells of; without one, that of the code that runs. */
function contextOf({ traceparent, tracestate }: TraceFields): Context {
  const [, traceId, spanId, flags] = traceparent === undefined ? [] : (shape.exec(traceparent) ?? [])
  if (traceId === undefined || spanId === undefined) return context.active()
  const told = { traceId, spanId, traceFlags: Number.parseInt(flags ?? "0", 16), isRemote: true }
  return trace.setSpanContext(ROOT_CONTEXT, tracestate === undefined ? told : { ...told, traceState: createTraceState(tracestate) })
}

/** As a span goes on in what it leads to; `otherwise` without an SDK. */
export function traceAfter(span: Span, otherwise: TraceFields): TraceFields {
  const told = span.spanContext()
  if (!isSpanContextValid(told)) return otherwise
  const tracestate = told.traceState?.serialize()
  const traceparent = `00-${told.traceId}-${told.spanId}-${told.traceFlags.toString(16).padStart(2, "0")}`
  return tracestate === undefined || tracestate === "" ? { traceparent } : { traceparent, tracestate }
}

/** Inputs are enqueued for a task: by whoever sends the trace, or the code that runs. */
export function enqueueSpan(task: string, from: TraceFields): Span {
  return tracer.startSpan(`${task} enqueue`, { kind: SpanKind.PRODUCER, attributes: of(task, "enqueue") }, contextOf(from))
}

/** An attempt at runs, the first of which names its trace; it is linked with those of the others. */
export function attemptSpan(task: string, runs: ReadonlyArray<{ readonly number: number; readonly attempt: number } & TraceFields>): Span {
  const [first, ...others] = runs
  const links = others.flatMap((other) => {
    const linked = other.traceparent === undefined ? undefined : trace.getSpanContext(contextOf(other))
    return linked === undefined ? [] : [{ context: linked }]
  })
  const attributes = { ...of(task, "attempt"), "messaging.message.id": `${task}-${first?.number}`, "millrace.attempt": first?.attempt ?? 1 }
  return tracer.startSpan(`${task} attempt`, { kind: SpanKind.CONSUMER, attributes, links }, contextOf(first ?? {}))
}

/** The code of a task calls another. */
export function callSpan(task: string, mode: string, from: TraceFields): Span {
  const active = trace.getSpan(context.active()) === undefined ? contextOf(from) : context.active()
  return tracer.startSpan(`${task} ${mode}`, { kind: SpanKind.CLIENT, attributes: of(task, mode) }, active)
}

/** Runs code whose own spans are children of this one. */
export function within<Result>(span: Span, act: () => Result): Result {
  return context.with(trace.setSpan(context.active(), span), act)
}

export function endSpan(span: Span, error?: Pick<ErrorData, "code" | "message">): void {
  if (error !== undefined) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
    span.setAttribute("error.type", error.code)
  }
  span.end()
}

function of(task: string, operation: string): Attributes {
  return { "messaging.system": "millrace", "messaging.destination.name": task, "messaging.operation.name": operation }
}

/**
 * Spans of runs, through the API of OpenTelemetry alone: they are nothing unless the user has registered an SDK in the thread at hand. A
 * run carries the span of its enqueue as W3C `traceparent`; an attempt is a child of that, and what its code calls are children of it.
 *
 * Not for: `tracestate`, baggage, metrics.
 */
import { type Attributes, type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, context, isSpanContextValid, trace } from "@opentelemetry/api"
import type { ErrorData } from "@millrace/model"

const tracer = trace.getTracer("millrace")
const shape = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** The context that a `traceparent` tells of; without one, that of the code that runs. */
function contextOf(traceparent: string | undefined): Context {
  const [, traceId, spanId, flags] = traceparent === undefined ? [] : (shape.exec(traceparent) ?? [])
  if (traceId === undefined || spanId === undefined) return context.active()
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: Number.parseInt(flags ?? "0", 16), isRemote: true })
}

/** As a span goes on in what it leads to; `otherwise` without an SDK. */
export function traceparentOf(span: Span, otherwise: string | undefined): string | undefined {
  const told = span.spanContext()
  if (!isSpanContextValid(told)) return otherwise
  return `00-${told.traceId}-${told.spanId}-${told.traceFlags.toString(16).padStart(2, "0")}`
}

/** Inputs are enqueued for a task: by whoever sends the `traceparent`, or the code that runs. */
export function enqueueSpan(task: string, traceparent: string | undefined): Span {
  return tracer.startSpan(`${task} enqueue`, { kind: SpanKind.PRODUCER, attributes: of(task, "enqueue") }, contextOf(traceparent))
}

/** An attempt at runs, the first of which names its trace; it is linked with those of the others. */
export function attemptSpan(task: string, runs: ReadonlyArray<{ readonly number: number; readonly attempt: number; readonly traceparent?: string }>): Span {
  const [first, ...others] = runs
  const links = others.flatMap(({ traceparent }) => {
    const linked = traceparent === undefined ? undefined : trace.getSpanContext(contextOf(traceparent))
    return linked === undefined ? [] : [{ context: linked }]
  })
  const attributes = { ...of(task, "attempt"), "messaging.message.id": `${task}-${first?.number}`, "millrace.attempt": first?.attempt ?? 1 }
  return tracer.startSpan(`${task} attempt`, { kind: SpanKind.CONSUMER, attributes, links }, contextOf(first?.traceparent))
}

/** The code of a task calls another. */
export function callSpan(task: string, mode: string, traceparent: string | undefined): Span {
  const active = trace.getSpan(context.active()) === undefined ? contextOf(traceparent) : context.active()
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

// Tasks in a thread that has an OpenTelemetry SDK, as the module of a service registers it.
import { context, trace } from "@opentelemetry/api"
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks"
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { service, stream, task } from "@millrace/sdk"

const exporter = new InMemorySpanExporter()
context.setGlobalContextManager(new AsyncLocalStorageContextManager())
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }))

export interface Told {
  readonly name: string
  readonly kind: number
  readonly trace: string
  readonly span: string
  readonly parent: string | undefined
  readonly failed: string | undefined
}

/** The spans of this thread. */
const spans = task("spans", {
  run: (): readonly Told[] =>
    exporter.getFinishedSpans().map((span) => {
      const { name, kind, parentSpanContext, status } = span
      const { traceId, spanId } = span.spanContext()
      return { name, kind, trace: traceId, span: spanId, parent: parentSpanContext?.spanId, failed: status.message }
    }),
})

const inner = task("inner", { run: (_, ctx) => ({ inner: ctx.traceparent, state: ctx.tracestate }) })

const outer = task("outer", {
  retry: { attempts: 2, backoff: { first: 1, jitter: false } },
  async run(_, ctx) {
    if (ctx.attempt === 1) throw new Error("once")
    return trace.getTracer("shop").startActiveSpan("work", async (span) => {
      const found = await inner.call(null)
      span.end()
      return found
    })
  },
})

const last = task("last", { run: (_, ctx) => ({ last: ctx.traceparent, state: ctx.tracestate }) })
const orders = stream("orders")

export default service("traced", [spans, inner, outer, last, orders.map((order) => order).to(outer), outer.output.map((given) => given).to(last)])

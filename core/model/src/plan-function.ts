/** Functions in the plan: handlers as AWS Lambda runs them, fed from a stream, over HTTP, or invoked by name. */
import type { EventInvokePlan } from "./plan-event-invoke.ts"
import type { MappingPlan } from "./plan-mapping.ts"
import type { StandardSchema } from "./standard-schema.ts"

/** Where the code of a function is. */
export type FunctionSource =
  /** A module: relative to the service's file, a `file:` URL, or absolute, as a host that has loaded the service has made it. */
  | { readonly kind: "module"; readonly file: string; readonly handler: string }
  /** In the service itself, whose file a host that has loaded it names here; found in its program by the function's name. */
  | { readonly kind: "typed"; readonly file: string }

/** A request line that a function answers: one path of HTTP, `$default` for what nothing else takes. */
export interface HttpRoutePlan {
  /** As it was written: `POST /orders/{id}`, `ANY /{proxy+}`, `$default`. */
  readonly key: string
  /** In capitals; `ANY`: every method. */
  readonly method: string
  /** Segments of the path: text, or the name of a parameter; a greedy one takes all that follow. Null for `$default`. */
  readonly segments: readonly HttpSegment[] | null
}

export type HttpSegment = { readonly kind: "text"; readonly text: string } | { readonly kind: "one" | "greedy"; readonly name: string }

/** First segments of the node's own addresses: no function gets them. */
export const reservedSegments: ReadonlySet<string> = new Set(["v1", "errors", "healthz", "metrics", "readyz", "2015-03-31", "2017-10-31", "2021-11-15", "dashboard"])

/** The same for all routes that take the same requests, whatever their parameters are called. */
export function routeShape({ method, segments }: HttpRoutePlan): string {
  if (segments === null) return "$default"
  const path = segments.map((segment) => (segment.kind === "text" ? `/${segment.text}` : segment.kind === "one" ? "/{}" : "/{+}"))
  return `${method} ${path.join("")}`
}

/** What browsers of other origins may do with the answers. */
export interface CorsPlan {
  readonly origins: readonly string[]
  readonly methods: readonly string[]
  readonly headers: readonly string[]
  readonly exposed: readonly string[]
  readonly credentials: boolean
  readonly maxAgeMs: number
}

export interface HttpPlan {
  readonly routes: readonly HttpRoutePlan[]
  /** Null: browsers of other origins are refused. */
  readonly cors: CorsPlan | null
  /** JSON Schemas of a typed function, when the schema library can tell, for OpenAPI. */
  readonly inputSchema?: unknown
  readonly outputSchema?: unknown
}

export interface FunctionPlan {
  /** Unique within the node. */
  readonly name: string
  readonly description?: string
  readonly source: FunctionSource
  /** Longest time of one invocation. */
  readonly timeoutMs: number
  /** Heap of one instance. */
  readonly memoryMegabytes: number
  /** Its own variables, beside those that every function has. */
  readonly env: Readonly<Record<string, string>>
  /** Most instances at once; null: as many as the node has room for. */
  readonly concurrency: number | null
  /** The stream that feeds it. */
  readonly mapping?: MappingPlan
  /** What becomes of events that nobody waits for. Absent: the defaults. */
  readonly eventInvoke?: EventInvokePlan
  /** The requests that it answers. */
  readonly http?: HttpPlan
}

/** The code of a function that is in the service itself. */
export interface FunctionCode {
  readonly input: StandardSchema | undefined
  readonly output: StandardSchema | undefined
  readonly run: (input: never, ctx: never) => unknown
}

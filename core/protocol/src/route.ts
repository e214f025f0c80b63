/** What one route is: enough to register it in a front door and to describe it in OpenAPI. */
import type { ErrorCode } from "@millrace/model"

/** A JSON Schema (2020-12), as data. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown }

export type Method = "GET" | "POST"

/** Names an operation for ever: generated clients call it so. */
export type OperationId =
  | "index"
  | "listStreams"
  | "showStream"
  | "produce"
  | "sendEvent"
  | "readStream"
  | "followStream"
  | "endStream"
  | "reopenStream"
  | "status"
  | "openapi"
  | "health"
  | "readiness"
  | "metrics"
  | "explainError"
  | "listTables"
  | "readTable"
  | "readRow"
  | "followTable"
  | "listTasks"
  | "showTask"
  | "callTask"
  | "pauseTask"
  | "resumeTask"
  | "listRuns"
  | "showRun"
  | "followRun"
  | "cancelRun"
  | "cancelRuns"
  | "retryRun"
  | "retryRuns"
  | "listFunctions"
  | "invokeFunction"
  | "redriveFunction"

export interface Parameter {
  readonly name: string
  readonly in: "path" | "query" | "header"
  readonly description: string
  readonly schema: JsonSchema
}

/** A body by media type. */
export type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>

/** A successful answer. */
export interface Answer {
  readonly status: 200 | 202
  readonly description: string
  readonly content: Content
}

export interface Route {
  readonly id: OperationId
  readonly method: Method
  /** A template: `{name}` stands for one segment, percent-encoded. */
  readonly path: string
  /** One line, an imperative. */
  readonly summary: string
  readonly description?: string
  readonly parameters: readonly Parameter[]
  readonly body?: Content
  readonly answer: Answer
  /** Other successful answers. */
  readonly also?: readonly Answer[]
  /** Failures that this route itself can answer with; those of every route apart. */
  readonly errors: readonly ErrorCode[]
}

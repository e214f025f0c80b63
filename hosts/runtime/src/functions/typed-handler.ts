/**
 * Makes a Lambda handler of a typed function, whose code and schemas are in the service: so the service's file is loaded. Runs in
 * instances.
 */
import { STATUS_CODES } from "node:http"
import { fittingSoon } from "@millrace/engine/machine"
import { errorTable, type FunctionCode, isMillraceError, MillraceError } from "@millrace/model"
import { problemOf, problemType } from "@millrace/protocol"
import type { HttpContext } from "@millrace/sdk"
import { loadPrograms } from "../programs.ts"
import type { Handler } from "./handler-module.ts"

/** A request, in payload format 2.0. */
interface Event {
  readonly rawPath: string
  readonly headers: Readonly<Record<string, string>>
  readonly queryStringParameters?: Readonly<Record<string, string>>
  readonly pathParameters?: Readonly<Record<string, string>>
  readonly requestContext: { readonly http: { readonly method: string } }
  readonly body?: string
  readonly isBase64Encoded: boolean
}

interface LambdaContext {
  readonly awsRequestId: string
  getRemainingTimeInMillis(): number
}

interface Answer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export async function typedHandler(file: string, name: string): Promise<Handler> {
  const programs = await loadPrograms([file])
  const code = programs.map(({ functions }) => functions.get(name)).find((found) => found !== undefined)
  if (code === undefined) throw new Error(`${file} has no function "${name}".`)
  return handlerOfCode(name, code)
}

export function handlerOfCode(name: string, code: FunctionCode): Handler {
  return async (event, context) => answerOf(name, code, event as Event, context as LambdaContext)
}

async function answerOf(name: string, code: FunctionCode, event: Event, { awsRequestId, getRemainingTimeInMillis }: LambdaContext): Promise<Answer> {
  const head = { status: undefined as number | undefined, headers: {} as Record<string, string> }
  const ctx: HttpContext = {
    requestId: awsRequestId,
    method: event.requestContext.http.method,
    path: event.rawPath,
    parameters: event.pathParameters ?? {},
    query: event.queryStringParameters ?? {},
    headers: event.headers,
    event,
    remainingMs: getRemainingTimeInMillis,
    status: (status) => {
      head.status = status
    },
    header: (header, value) => {
      head.headers[header.toLowerCase()] = value
    },
  }
  let input: unknown
  try {
    input = await fittingSoon(inputOf(event), code.input, "MR1030", `function "${name}", input`)
  } catch (error) {
    if (!isMillraceError(error)) throw error
    const { status } = errorTable[error.code]
    return { statusCode: status, headers: { "content-type": problemType }, body: JSON.stringify(problemOf(error, event.rawPath)) }
  }
  let given: unknown
  try {
    given = await (code.run as (input: unknown, ctx: HttpContext) => unknown)(input, ctx)
  } catch (error) {
    const answer = answerOfError(error, event.rawPath)
    if (answer === undefined) throw error
    return { ...answer, headers: { ...head.headers, ...answer.headers } }
  }
  const fit = await fittingSoon(given, code.output, "MR1210", `function "${name}", output`)
  const body: string | undefined = JSON.stringify(fit)
  if (body === undefined) return { statusCode: head.status ?? 204, headers: head.headers }
  return { statusCode: head.status ?? 200, headers: { "content-type": "application/json", ...head.headers }, body }
}

/** @throws MR1001 */
function inputOf({ body, isBase64Encoded, queryStringParameters, pathParameters }: Event): unknown {
  if (body === undefined || body === "") return { ...queryStringParameters, ...pathParameters }
  let value: unknown
  try {
    value = JSON.parse(isBase64Encoded ? Buffer.from(body, "base64").toString("utf8") : body)
  } catch (cause) {
    throw new MillraceError("MR1001", `The body is not JSON: ${(cause as Error).message}.`)
  }
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value)
  return isObject && pathParameters !== undefined ? { ...(value as object), ...pathParameters } : value
}

/** An `HttpError`, from whichever copy of the SDK. */
function answerOfError(thrown: unknown, path: string): Answer | undefined {
  if (!(thrown instanceof Error) || thrown.name !== "HttpError") return undefined
  const { status, message, details } = thrown as Error & { readonly status?: unknown; readonly details?: object }
  if (typeof status !== "number" || !Number.isInteger(status) || status < 400 || status > 599) return undefined
  const problem = { ...details, type: "about:blank", title: STATUS_CODES[status] ?? "Error", status, detail: message, instance: path }
  return { statusCode: status, headers: { "content-type": problemType }, body: JSON.stringify(problem) }
}

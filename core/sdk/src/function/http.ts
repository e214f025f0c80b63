/**
 * Functions that answer requests of HTTP: Lambda handlers with API Gateway's payload format 2.0 as they are, or typed functions with
 * schemas of what they take and give.
 */
import { type FunctionCode, type HttpPlan, limits, MillraceError, type StandardSchema } from "@millrace/model"
import type { FunctionDefinition } from "../definition.ts"
import { jsonSchemaOf } from "../json-schema.ts"
import type { MadeBy, TakenBy } from "../schema-values.ts"
import { checkFunction, checkKeys } from "../setting.ts"
import { corsPlan, type CorsOptions } from "./cors.ts"
import { checkedFunctionName, type LambdaFunction, moduleSource } from "./function.ts"
import { functionSettingNames, functionSettings, type FunctionSettings } from "./options.ts"
import { nameOfRoute, routePlan } from "./route.ts"

/** What an HTTP function may be told besides its route. */
export interface HttpSettings extends FunctionSettings {
  /** Its name among the node's functions. @default made of its first route: `POST /orders/{id}` is `post-orders-id` */
  readonly name?: string
  /** Lets pages of other origins call it: `true` for all of them. @default none but the node's own */
  readonly cors?: true | CorsOptions
}

/** A handler in a file of its own. */
export interface HttpOptions extends HttpSettings {
  /** Name of the module's export. @default "handler" */
  readonly handler?: string
}

/** What the code of a typed function may know of its request. */
export interface HttpContext {
  readonly requestId: string
  /** In capitals. */
  readonly method: string
  readonly path: string
  /** What stands in the path for `{name}`. */
  readonly parameters: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The request as API Gateway tells it (payload format 2.0). */
  readonly event: unknown
  /** Milliseconds until the invocation is ended. */
  remainingMs(): number
  /** Answers with another status than 200, such as 201. */
  status(code: number): void
  /** Adds a header to the answer. */
  header(name: string, value: string): void
}

/** A function whose code is in the service itself, with the schemas of what it takes and gives. */
export interface TypedHttpOptions<S extends StandardSchema | undefined, O extends StandardSchema | undefined> extends HttpSettings {
  /**
   * Any Standard Schema. It is given the JSON of the body with the path's parameters in it; without a body, the query's and the path's
   * parameters, which are texts. What does not fit is answered with 422 and the list of its faults. @default anything
   */
  readonly input?: S
  /** Any Standard Schema: an answer that does not fit it fails the request with 500. @default any JSON */
  readonly output?: O
  /** The answer as JSON; nothing is answered with 204. Throw an {@link HttpError} for another status. */
  run(input: MadeBy<S>, ctx: HttpContext): TakenBy<O> | Promise<TakenBy<O>>
}

/** Thrown by a typed function: the request is answered with this status and problem details. */
export class HttpError extends Error {
  readonly status: number
  /** Further members of the problem details. */
  readonly details: Readonly<Record<string, unknown>>

  /** @param status - 400 to 599 */
  constructor(status: number, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.name = "HttpError"
    this.status = status
    this.details = details
  }
}

/**
 * Defines a function that answers requests of HTTP, on the node's own port.
 *
 * @param route - `POST /orders/{id}`; `{rest+}` at the end takes all further segments, `ANY` every method, and `$default` what no other
 *   route takes; several routes in an array
 * @param handler - the handler's module, relative to the service's file, as for `fn`; or schemas and code
 * @throws MR1101 when a setting is not valid; MR1103, of `service`, when two functions have the same route
 * @example
 * ```ts
 * http("GET /orders/{id}", "./order.ts")
 * http("POST /orders", { input: z.object({ item: z.string() }), run: ({ item }) => ({ ordered: item }) })
 * ```
 */
export function http<S extends StandardSchema | undefined = undefined, O extends StandardSchema | undefined = undefined>(
  route: string | readonly string[],
  handler: TypedHttpOptions<S, O>,
): LambdaFunction
export function http(route: string | readonly string[], handler: string, options?: HttpOptions): LambdaFunction
export function http(route: string | readonly string[], handler: string | TypedHttpOptions<undefined, undefined>, options: HttpOptions = {}): LambdaFunction {
  const routes = Array.isArray(route) ? (route as readonly string[]) : [route as string]
  const [first] = routes
  if (first === undefined) throw new MillraceError("MR1101", 'http: give a route such as "POST /orders".')
  const plans = Object.freeze(routes.map((each) => routePlan(each, `http ${JSON.stringify(each)}`)))
  const what = `http ${JSON.stringify(first)}`
  const given = typeof handler === "string" ? options : handler
  const own = typeof handler === "string" ? ["handler"] : ["input", "output", "run"]
  checkKeys(given, ["name", "cors", ...own, ...functionSettingNames], what)
  const name = checkedFunctionName(given.name ?? nameOfRoute(first))
  const code = typeof handler === "string" ? undefined : typedCode(handler, what)
  const plan: HttpPlan = {
    routes: plans,
    cors: given.cors === undefined ? null : corsPlan(given.cors, `${what}, cors`),
    ...(code === undefined ? {} : schemasOf(code)),
  }
  const definition: FunctionDefinition = Object.freeze({
    kind: "function",
    name,
    settings: Object.freeze({
      name,
      source: typeof handler === "string" ? moduleSource(handler, options.handler, what) : Object.freeze({ kind: "typed", file: "" }),
      ...functionSettings(given, "30s", limits.functionHttpMsMax, what),
      http: Object.freeze(plan),
    }),
    code,
    on: undefined,
    failures: undefined,
    successes: undefined,
  })
  return Object.freeze({ name, "~function": definition })
}

function typedCode({ input, output, run }: TypedHttpOptions<undefined, undefined>, what: string): FunctionCode {
  for (const [member, schema] of Object.entries({ input, output })) {
    if (schema === undefined || typeof (schema as Partial<StandardSchema>)["~standard"]?.validate === "function") continue
    throw new MillraceError("MR1101", `${what}, ${member}: expected a Standard Schema (zod, valibot, arktype, …).`)
  }
  checkFunction(run, `${what}, run`)
  return Object.freeze({ input, output, run })
}

function schemasOf({ input, output }: FunctionCode): Pick<HttpPlan, "inputSchema" | "outputSchema"> {
  const inputSchema = jsonSchemaOf(input)
  const outputSchema = jsonSchemaOf(output, "output")
  return { ...(inputSchema === undefined ? {} : { inputSchema }), ...(outputSchema === undefined ? {} : { outputSchema }) }
}

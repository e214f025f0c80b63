/**
 * Functions: AWS Lambda handlers, as they are. A function is a plain value that names its handler's file; the file is first read where
 * the function runs, in an environment of its own.
 */
import { type FunctionSource, limits, MillraceError } from "@millrace/model"
import type { FunctionDefinition } from "../definition.ts"
import { checkedName, checkKeys } from "../setting.ts"
import { type EventInvokeOptions, eventInvokeDefinition } from "./event-invoke.ts"
import { mappingDefinition, type MappingOptions } from "./mapping.ts"
import { functionSettingNames, functionSettings, type FunctionSettings } from "./options.ts"

/** What a function may be told besides its file. */
export interface FunctionOptions extends FunctionSettings {
  /** Name of the module's export. @default "handler" */
  readonly handler?: string
  /** The stream that feeds it, with the options of Lambda's event source mapping. @default none: it is invoked by name */
  readonly on?: MappingOptions
  /** What becomes of events that nobody waits for: Lambda's event invoke configuration. @default two retries, six hours, no destination */
  readonly eventInvoke?: EventInvokeOptions
}

/** A function: give it to `service(name, […])`. */
export interface LambdaFunction<Name extends string = string> {
  readonly name: Name
  readonly "~function": FunctionDefinition
}

/**
 * Defines a function that runs an AWS Lambda handler unchanged: ESM, CommonJS or TypeScript; asynchronous, or with a callback.
 *
 * @param name - unique within the node; letters, digits, "_" and "-", at most 64, as Lambda has it
 * @param file - the handler's module: relative to the file of the service, absolute, or a `file:` URL such as `import.meta.resolve("./handler.ts")`
 * @throws MR1101 when a setting is not valid
 * @example
 * ```ts
 * export default service("shop", [fn("resize", "./resize.ts", { timeout: "30s", memory: 512, env: { BUCKET: "photos" } })])
 * ```
 */
export function fn<const Name extends string>(name: Name, file: string, options: FunctionOptions = {}): LambdaFunction<Name> {
  checkedFunctionName(name)
  const what = `function ${JSON.stringify(name)}`
  checkKeys(options, ["handler", "on", "eventInvoke", ...functionSettingNames], what)
  const { handler, on } = options
  const eventInvoke = options.eventInvoke === undefined ? undefined : eventInvokeDefinition(options.eventInvoke, `${what}, eventInvoke`)
  const definition: FunctionDefinition = Object.freeze({
    kind: "function",
    name,
    settings: Object.freeze({
      name,
      source: moduleSource(file, handler, what),
      ...functionSettings(options, "3s", limits.functionMsMax, what),
      ...(eventInvoke === undefined ? {} : { eventInvoke: eventInvoke.plan }),
    }),
    code: undefined,
    on: on === undefined ? undefined : mappingDefinition(on, `${what}, on`),
    failures: eventInvoke?.failures,
    successes: eventInvoke?.successes,
  })
  return Object.freeze({ name, "~function": definition })
}

/** @throws MR1101 */
export function checkedFunctionName(name: unknown): string {
  const checked = checkedName(name, "function")
  if (/^[A-Za-z0-9_-]{1,64}$/.test(checked)) return checked
  throw new MillraceError("MR1101", `function: ${JSON.stringify(name)} is not a name of a function. Use 1 to 64 letters, digits, "_" and "-".`, { given: name })
}

/** @throws MR1101 */
export function moduleSource(file: unknown, handler: unknown, what: string): FunctionSource {
  if (typeof file !== "string" || !/\.[cm]?[jt]s$/.test(file)) {
    throw new MillraceError("MR1101", `${what}: ${JSON.stringify(file)} is not a module's file such as "./handler.ts" (.ts, .mts, .cts, .js, .mjs or .cjs).`, { given: file })
  }
  const named = handler ?? "handler"
  if (typeof named !== "string" || !/^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$/.test(named)) {
    throw new MillraceError("MR1101", `${what}, handler: ${JSON.stringify(handler)} is not the name of an export, such as "handler".`, { given: handler })
  }
  return Object.freeze({ kind: "module", file, handler: named })
}

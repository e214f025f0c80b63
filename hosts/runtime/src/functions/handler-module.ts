/** Finds the handler in its module, with the failures that Lambda's runtime for Node tells. Runs in instances: it imports little. */
import { basename, extname } from "node:path"
import { pathToFileURL } from "node:url"
import { RuntimeFailure } from "./thrown.ts"

export type Handler = (this: unknown, event: unknown, contextOrStream: unknown, callbackOrContext: unknown) => unknown

/** How `awslambda.streamifyResponse` marks a handler. */
const streaming = Symbol.for("aws.lambda.runtime.handler.streaming")

/** @throws RuntimeFailure, and what the module throws while it is evaluated */
export async function handlerOf(file: string, name: string): Promise<Handler> {
  const module = await imported(file)
  const found = member(module, name) ?? member(module["default"], name)
  const shown = `${basename(file, extname(file))}.${name}`
  if (found === undefined || found === null) throw new RuntimeFailure("Runtime.HandlerNotFound", `${shown} is undefined or not exported`)
  if (typeof found !== "function") throw new RuntimeFailure("Runtime.HandlerNotFound", `${shown} is not a function`)
  return found as Handler
}

export function isStreaming(handler: Handler): boolean {
  const mark = (handler as unknown as Record<symbol, unknown>)[streaming]
  if (mark === undefined || mark === null || mark === false) return false
  if (mark === "response") return true
  throw new RuntimeFailure("Runtime.MalformedStreamingHandler", "Only response streaming is supported.")
}

export function markStreaming(handler: Handler): Handler {
  Object.defineProperty(handler, streaming, { value: "response", writable: true, configurable: true, enumerable: true })
  return handler
}

async function imported(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>
  } catch (thrown) {
    const { code } = (thrown ?? {}) as { readonly code?: unknown }
    if (thrown instanceof SyntaxError) {
      const failure = new RuntimeFailure("Runtime.UserCodeSyntaxError", String(thrown))
      if (thrown.stack !== undefined) failure.stack = thrown.stack
      throw failure
    }
    if (code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND") throw new RuntimeFailure("Runtime.ImportModuleError", String(thrown))
    throw thrown
  }
}

function member(of: unknown, path: string): unknown {
  let at: unknown = of
  for (const name of path.split(".")) {
    if (at === undefined || at === null) return undefined
    at = (at as Readonly<Record<string, unknown>>)[name]
  }
  return at
}

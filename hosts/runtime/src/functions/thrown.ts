/** What a function's code has thrown, as Lambda tells it; and the failures that the environment itself adds. Runs in instances: it imports nothing else. */
import { isNativeError } from "node:util/types"
import type { FunctionError } from "./invocation.ts"

/** User code may throw anything, nothing included. Never throws. */
export function functionErrorOf(thrown: unknown): FunctionError {
  try {
    if (isNativeError(thrown) || looksLikeError(thrown)) {
      const { name, message, stack } = thrown
      return { errorType: String(name), errorMessage: String(message), trace: typeof stack === "string" ? stack.split("\n") : [] }
    }
    return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] }
  } catch {
    const errorMessage = "callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack"
    return { errorType: "handled", errorMessage }
  }
}

function looksLikeError(thrown: unknown): thrown is Error {
  if (typeof thrown !== "object" || thrown === null) return false
  const { name, message, stack } = thrown as Partial<Error>
  return typeof name === "string" && typeof message === "string" && typeof stack === "string" && name !== "" && message !== "" && stack !== ""
}

/** A failure with one of the names of Lambda's runtime for Node. */
export class RuntimeFailure extends Error {
  constructor(name: `Runtime.${string}` | `Function.${string}`, message: string) {
    super(message)
    this.name = name
    this.stack = `${name}: ${message}`
  }
}

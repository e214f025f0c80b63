/** What a handler has returned, as the text that its caller gets. Runs in instances: it imports little. */
import type { FunctionError } from "./invocation.ts"
import { functionErrorOf, RuntimeFailure } from "./thrown.ts"

export function answerPayload(value: unknown, bytesMax: number): { readonly payload: string } | { readonly error: FunctionError } {
  let payload: string
  try {
    payload = JSON.stringify(value ?? null) ?? "null"
  } catch {
    return { error: functionErrorOf(new RuntimeFailure("Runtime.JSONStringifyError", "Unable to stringify response body")) }
  }
  // At least a byte for each unit of UTF-16, at most three.
  const tooLarge = payload.length > bytesMax || (payload.length * 3 > bytesMax && Buffer.byteLength(payload) > bytesMax)
  if (!tooLarge) return { payload }
  return { error: { errorType: "Function.ResponseSizeTooLarge", errorMessage: `Response payload size exceeded maximum allowed payload size (${bytesMax} bytes).` } }
}

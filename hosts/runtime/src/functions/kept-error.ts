/** Why an invocation has failed, as far as it is kept. */
import { limits } from "@millrace/model"
import type { FunctionError } from "./invocation.ts"

/** A reason may be as long as an answer; what is kept of it is not. */
export function keptError({ errorType, errorMessage, trace }: FunctionError): FunctionError {
  const most = limits.functionEventErrorLengthMax
  const lines: string[] = []
  let length = 0
  for (const line of trace ?? []) {
    length += line.length
    if (length > most) break
    lines.push(line)
  }
  return { errorType: errorType.slice(0, 1_000), errorMessage: errorMessage.slice(0, most), ...(trace === undefined ? {} : { trace: lines }) }
}

/**
 * Errors as facts of the log. An Error is `{}` in JSON: what it says lies in properties that JSON does not look at.
 *
 * 1. Whatever was thrown, its line tells its name, its message with those of its causes, and its stack.
 */
import { type ErrorData, errorData, isMillraceError } from "@millrace/model"

/** Longest stack of one line of the log, in characters. */
const stackLengthMax = 8_192

/** What the log tells of an error. */
export interface LoggedError {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly details?: object
  readonly stack?: string
}

/** Facts with each Error among them as what it says. */
export function loggedFacts(facts: Record<string, unknown>): Record<string, unknown> {
  let told: Record<string, unknown> | undefined
  for (const [name, fact] of Object.entries(facts)) if (fact instanceof Error) (told ??= { ...facts })[name] = loggedError(fact)
  return told ?? facts
}

function loggedError(error: Error): LoggedError {
  const { code, message, details } = errorData(error)
  const foreseen = isMillraceError(error) ? { code, details } : {}
  return { name: String(error.name), message, ...foreseen, ...stackOf(error) }
}

/** What was thrown as facts of a line of its own; the stack only of what was not foreseen: the others name their place and mend. */
export function faultFacts(thrown: unknown): ErrorData & { readonly stack?: string } {
  const data = errorData(thrown)
  return data.code === "MR1404" && thrown instanceof Error ? { ...data, ...stackOf(thrown) } : data
}

function stackOf({ stack }: Error): { readonly stack?: string } {
  return typeof stack === "string" ? { stack: stack.slice(0, stackLengthMax) } : {}
}

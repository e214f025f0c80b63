/**
 * Problem details (RFC 9457): the form in which every failure leaves a front door, made from the one table of errors.
 *
 * `type` is a reference relative to the node that answers, with its full path (`/errors/MR1008`), as RFC 9457 section
 * 3.1.1 asks of relative references: the node serves that page itself, so it is right offline and for this version.
 */
import { type ErrorCode, type ErrorData, errorTable, MillraceError } from "@millrace/model"

/** Media type of problem details. */
export const problemType = "application/problem+json"

/** One failure on the wire; what its details say comes as further members. */
export interface Problem {
  /** Where the failure is explained: `/errors/MR1008` on the node that answered. */
  readonly type: string
  /** The same for every failure of this code. */
  readonly title: string
  /** The HTTP status that this failure has by itself. */
  readonly status: number
  /** What went wrong here and how to mend it. */
  readonly detail: string
  readonly code: ErrorCode
  /** The path of the request. */
  readonly instance?: string
  readonly [detail: string]: unknown
}

const standard: ReadonlySet<string> = new Set(["type", "title", "status", "detail", "code", "instance"])

/** The address of the page that explains a code, relative to a node. */
export function explanationOf(code: ErrorCode): string {
  return `/errors/${code}`
}

/** A failure as problem details. A detail that bears the name of a standard member gives way to it. */
export function problemOf(data: ErrorData, instance?: string): Problem {
  const { title, status } = errorTable[data.code]
  const problem: Record<string, unknown> = {
    type: explanationOf(data.code),
    title,
    status,
    detail: data.message,
    code: data.code,
  }
  if (instance !== undefined) problem["instance"] = instance
  for (const [name, value] of Object.entries(data.details)) if (!standard.has(name)) problem[name] = value
  return problem as unknown as Problem
}

/**
 * The error that problem details tell of. What is none, or has a code of a later version, becomes `MR1404` with its
 * status.
 */
export function errorOf(problem: unknown, status: number): MillraceError {
  if (typeof problem !== "object" || problem === null)
    return new MillraceError("MR1404", `The node answered with status ${status} and no problem details.`, { status })
  const { code, detail, title } = problem as Partial<Problem>
  const details = Object.fromEntries(Object.entries(problem).filter(([name]) => !standard.has(name)))
  const message = detail ?? title ?? `The node answered with status ${status}.`
  if (code !== undefined && Object.hasOwn(errorTable, code)) return new MillraceError(code, message, details)
  return new MillraceError("MR1404", message, { ...details, status, ...(code === undefined ? {} : { code }) })
}

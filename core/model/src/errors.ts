/**
 * Every expected failure of Millrace. One table makes the class, the HTTP status, the page under `docs/errors/` and the
 * test; a code is written nowhere else as a definition. Broken invariants are not here: they assert and stop.
 */

/** What the caller should do next. */
export type Advice = "fix" | "retry" | "operate"

/** What all errors of one code share. */
export interface ErrorKind {
  /** Short name of the failure, the `title` of problem details. */
  readonly title: string
  /** HTTP status when it reaches a front door. */
  readonly status: number
  /** `fix`: the caller's input must change; `retry`: the same call may succeed later; `operate`: someone must tend the node. */
  readonly advice: Advice
}

/** All error codes: MR10xx records and requests, MR11xx definitions, MR12xx user code, MR13xx storage, MR14xx node, MR15xx sinks, MR16xx command line. */
export const errorTable = {
  MR1001: { title: "The body is not valid JSON", status: 422, advice: "fix" },
  MR1002: { title: "The record does not fit the stream's schema", status: 422, advice: "fix" },
  MR1003: { title: "The record has no usable key", status: 422, advice: "fix" },
  MR1004: { title: "The record has no usable event time", status: 422, advice: "fix" },
  MR1005: { title: "The event time lies too far in the future", status: 422, advice: "fix" },
  MR1006: { title: "The content type is not supported", status: 415, advice: "fix" },
  MR1007: { title: "The body is too large", status: 413, advice: "fix" },
  MR1008: { title: "There is no such stream", status: 404, advice: "fix" },
  MR1009: { title: "A parameter of the request is wrong", status: 400, advice: "fix" },
  MR1010: { title: "The node is behind; slow down", status: 429, advice: "retry" },
  MR1011: { title: "The idempotency key was used for another body", status: 422, advice: "fix" },
  MR1012: { title: "There is no such address", status: 404, advice: "fix" },
  MR1013: { title: "The record is too large", status: 422, advice: "fix" },
  MR1014: { title: "Records from this position are no longer kept", status: 410, advice: "fix" },
  MR1015: { title: "The body is not a valid CloudEvent", status: 422, advice: "fix" },
  MR1016: { title: "The stream is written by the service itself", status: 409, advice: "fix" },
  MR1017: { title: "No record of the request was accepted", status: 422, advice: "fix" },
  MR1018: { title: "The request was meant for another host", status: 403, advice: "fix" },
  MR1019: { title: "The address does not take this method", status: 405, advice: "fix" },
  MR1020: { title: "The body cannot be decompressed", status: 400, advice: "fix" },
  MR1021: { title: "Too many readers at once", status: 503, advice: "retry" },
  MR1022: { title: "There is no such task", status: 404, advice: "fix" },
  MR1023: { title: "The input does not fit the task's schema", status: 422, advice: "fix" },
  MR1024: { title: "There is no such run", status: 404, advice: "fix" },
  MR1025: { title: "There is no such table", status: 404, advice: "fix" },
  MR1026: { title: "The table has no row of this key", status: 404, advice: "fix" },
  MR1030: { title: "The request does not fit the function's schema", status: 422, advice: "fix" },
  MR1031: { title: "There is no such function", status: 404, advice: "fix" },
  MR1032: { title: "The run is past that", status: 409, advice: "fix" },
  MR1033: { title: "The stream has ended", status: 409, advice: "fix" },
  MR1034: { title: "The JSON is nested too deep", status: 422, advice: "fix" },
  MR1101: { title: "A setting is not valid", status: 400, advice: "fix" },
  MR1102: { title: "Two definitions share a name", status: 400, advice: "fix" },
  MR1103: { title: "The definition does not make a runnable plan", status: 400, advice: "fix" },
  MR1104: { title: "The module does not export a service", status: 400, advice: "fix" },
  MR1201: { title: "User code threw", status: 500, advice: "fix" },
  MR1202: { title: "User code ran longer than its limit", status: 500, advice: "fix" },
  MR1203: { title: "User code outgrew the memory of its worker", status: 500, advice: "fix" },
  MR1204: { title: "The worker stopped", status: 503, advice: "retry" },
  MR1205: { title: "A collected value grew past its limit", status: 500, advice: "fix" },
  MR1206: { title: "The output does not fit the task's schema", status: 500, advice: "fix" },
  MR1207: { title: "The run was cancelled", status: 409, advice: "fix" },
  MR1208: { title: "The run expired before it started", status: 409, advice: "retry" },
  MR1209: { title: "Tasks call each other too deep", status: 409, advice: "fix" },
  MR1210: { title: "The answer does not fit the function's schema", status: 500, advice: "fix" },
  MR1211: { title: "The run that was called would never start", status: 409, advice: "fix" },
  MR1212: { title: "The schema is asynchronous", status: 500, advice: "fix" },
  MR1301: { title: "The data directory is in use", status: 409, advice: "operate" },
  MR1302: { title: "The journal is damaged", status: 500, advice: "operate" },
  MR1303: { title: "The disk is full", status: 507, advice: "operate" },
  MR1304: { title: "The data directory cannot be written", status: 500, advice: "operate" },
  MR1305: { title: "The data directory is of another version", status: 500, advice: "operate" },
  MR1306: { title: "The plan does not fit the stored data", status: 409, advice: "fix" },
  MR1401: { title: "The node is not ready", status: 503, advice: "retry" },
  MR1402: { title: "The address needs API keys", status: 400, advice: "fix" },
  MR1403: { title: "The port cannot be opened", status: 500, advice: "operate" },
  MR1405: { title: "The TLS certificate cannot be used", status: 400, advice: "fix" },
  MR1404: { title: "An internal fault", status: 500, advice: "operate" },
  MR1501: { title: "A file could not be delivered", status: 500, advice: "retry" },
  MR1502: { title: "A column of the file sink does not fit", status: 422, advice: "fix" },
  MR1503: { title: "A large value of a run cannot be had", status: 500, advice: "retry" },
  MR1601: { title: "The command was used wrongly", status: 400, advice: "fix" },
  MR1602: { title: "The node cannot be reached", status: 503, advice: "retry" },
  MR1603: { title: "The input file cannot be read", status: 422, advice: "fix" },
} as const

/** A code such as `MR1008`; its page is `docs/errors/MR1008.md`. */
export type ErrorCode = keyof typeof errorTable

/** What the errors of a code share. */
export function errorKind(code: ErrorCode): ErrorKind {
  return errorTable[code]
}

/** Recognises a {@link MillraceError} across copies of this package and across threads. */
const brand = Symbol.for("millrace.error")

/** Facts about a failure, for machines: plain JSON data only. */
export type ErrorDetails = Readonly<Record<string, unknown>>

/** An expected failure: a code, a sentence that names the place and the mend, and details for machines. */
export class MillraceError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = "MillraceError"
    this.code = code
    this.details = details
    Object.defineProperty(this, brand, { value: true })
  }
}

/** Whether a thrown thing is a {@link MillraceError}, from whichever copy of this package. Never throws. */
export function isMillraceError(thing: unknown): thing is MillraceError {
  try {
    return typeof thing === "object" && thing !== null && (thing as Record<symbol, unknown>)[brand] === true
  } catch {
    return false
  }
}

/** An {@link MillraceError} as plain data, to cross a thread or a wire. */
export interface ErrorData {
  readonly code: ErrorCode
  readonly message: string
  readonly details: ErrorDetails
}

/**
 * Turns anything thrown into plain data; what is not a {@link MillraceError} becomes `MR1404` with its own message and those of its causes.
 * Never throws, whatever user code has thrown.
 */
export function errorData(thing: unknown): ErrorData {
  try {
    if (isMillraceError(thing)) return { code: thing.code, message: String(thing.message), details: detailsOf(thing.details) }
    const message = thing instanceof Error ? `${nameOf(thing)}: ${thing.message}${innerOf(thing)}${causesOf(thing)}` : textOf(thing)
    return { code: "MR1404", message, details: {} }
  } catch {
    // An object without a text form, a message whose getter throws, a revoked proxy.
    return { code: "MR1404", message: "Something was thrown that has no text form.", details: {} }
  }
}

/** So many causes of an error are told, and so many of the errors that it stands for; each at most so long in characters. */
const causesMax = 4
const causeLengthMax = 500
/** Longest text of a thrown object, in characters. */
const thrownLengthMax = 2_000

/** "fetch failed" says little; what it was caused by says why. */
function causesOf({ cause: first }: Error): string {
  let told = ""
  let cause = first
  for (let i = 0; i < causesMax && cause !== undefined && cause !== null; i++) {
    told += `; cause: ${causeText(cause).slice(0, causeLengthMax)}`
    cause = (cause as Partial<Error>).cause
  }
  return told
}

function causeText(cause: unknown): string {
  if (!(cause instanceof Error)) return textOf(cause)
  const { message, code, errors } = cause as Error & { readonly code?: unknown; readonly errors?: unknown }
  if (message !== "") return `${nameOf(cause)}: ${message}${innerOf(cause)}`
  // Of a connection that was tried at several addresses, only what went wrong at each of them says something.
  const parts = Array.isArray(errors) ? errors.flatMap((each) => (each instanceof Error ? [each.message] : [])).join(", ") : ""
  return `${nameOf(cause)}: ${parts || (typeof code === "string" ? code : "")}`
}

/** The errors that an AggregateError stands for. */
function innerOf(error: Error): string {
  const { errors } = error as Error & { readonly errors?: unknown }
  if (!(error instanceof AggregateError) || !Array.isArray(errors) || errors.length === 0) return ""
  const told = errors.slice(0, causesMax).map((each) => (each instanceof Error ? `${nameOf(each)}: ${each.message}` : textOf(each)).slice(0, causeLengthMax))
  const more = errors.length > causesMax ? `; ${errors.length - causesMax} more` : ""
  return ` [${told.join("; ")}${more}]`
}

/** A class that extends Error says "Error" unless it names itself: then the class is its name. */
function nameOf(error: Error): string {
  const { name } = error
  const prototype: unknown = Object.getPrototypeOf(error)
  if (Object.hasOwn(error, "name") || prototype === null || Object.hasOwn(prototype as object, "name")) return name
  const own: unknown = error.constructor?.name
  return typeof own === "string" && own !== "" ? own : name
}

/** What is thrown that is no Error, as text: an object that has none of its own as JSON, so that what it says is not lost. */
function textOf(thing: unknown): string {
  if (typeof thing !== "object" || thing === null) return String(thing)
  const own = typeof thing.toString === "function" ? (thing as { toString(): string }).toString() : "[object "
  if (!own.includes("[object ")) return own
  try {
    const json = JSON.stringify(thing, jsonPart) as string | undefined
    return json === undefined ? own : json.slice(0, thrownLengthMax)
  } catch {
    return own
  }
}

function jsonPart(_: string, part: unknown): unknown {
  if (part instanceof Error) return `${nameOf(part)}: ${part.message}`
  return typeof part === "bigint" ? String(part) : part
}

function detailsOf(given: unknown): ErrorDetails {
  return typeof given === "object" && given !== null ? (given as ErrorDetails) : {}
}

/** The error that {@link errorData} was made from. */
export function errorFrom(data: ErrorData): MillraceError {
  return new MillraceError(data.code, data.message, data.details)
}

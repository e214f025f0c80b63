/**
 * JSON text of what rows hold. As `JSON.stringify`, save that nothing is lost or refused silently: bigints are numbers
 * with all their digits, a Map is an object, a Set an array, bytes are base64. Text is well-formed Unicode: half a
 * surrogate pair becomes U+FFFD, as in every other format, because most readers refuse a whole file for its escape.
 */
import { isMillraceError, MillraceError } from "@millrace/model"
import { isoText } from "./instant.ts"

/** Deeper nesting is a cycle or beyond what readers take. */
const depthMax = 64

declare global {
  interface JSON {
    /** Node 22 has it; TypeScript 6.0 does not know it. Text that `JSON.stringify` writes as it is. */
    rawJSON(text: string): unknown
  }
}

/**
 * The value as plain JSON data, for `JSON.stringify`. Undefined for what JSON leaves out (undefined, functions,
 * symbols).
 *
 * @throws MR1502 for a Map whose keys are not text and for a value that contains itself
 */
export function plainJson(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case "string":
      return value.toWellFormed()
    case "number":
    case "boolean":
      return value
    case "bigint":
      return JSON.rawJSON(String(value))
    case "object":
      return value === null ? null : plainObject(value, depth)
    case "undefined":
    case "function":
    case "symbol":
      return undefined
  }
}

function plainObject(value: object, depth: number): unknown {
  if (depth > depthMax) {
    throw new MillraceError(
      "MR1502",
      `A value is nested deeper than ${depthMax} levels or contains itself; map it to plain data before the sink.`,
    )
  }
  if (value instanceof Date) return isoText(value.getTime()) ?? null
  if (Array.isArray(value)) return value.map((item) => plainJson(item, depth + 1))
  if (value instanceof Set) return Array.from(value, (item) => plainJson(item, depth + 1))
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")
  // Without a prototype a key such as "__proto__" is data, and who walks objects finds nothing that was not put there.
  const plain = Object.create(null) as Record<string, unknown>
  for (const [key, item] of value instanceof Map ? value : Object.entries(value)) {
    if (typeof key !== "string") {
      throw new MillraceError(
        "MR1502",
        `A Map with keys that are not text (a ${typeof key}) has no place in JSON; map it to an array of pairs ` +
          `before the sink.`,
      )
    }
    plain[key.toWellFormed()] = plainJson(item, depth + 1)
  }
  return plain
}

/** JSON text of one value; undefined for what JSON leaves out. @throws MR1502 as {@link plainJson} */
export function jsonText(value: unknown): string | undefined {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? String(value) : "null"
    case "string":
      return JSON.stringify(value.toWellFormed())
    case "boolean":
      return value ? "true" : "false"
    case "bigint":
      return String(value)
    case "object": {
      if (value === null) return "null"
      if (value instanceof Date) {
        const text = isoText(value.getTime())
        return text === undefined ? "null" : `"${text}"`
      }
      return JSON.stringify(plainJson(value))
    }
    case "undefined":
    case "function":
    case "symbol":
      return undefined
  }
}

/** What `text` gives, and if that is an MR1502, the same error with the place where the value stands. */
export function inCell<T>(column: string, row: number, text: () => T): T {
  try {
    return text()
  } catch (fault) {
    if (!isMillraceError(fault)) throw fault
    throw new MillraceError(
      "MR1502",
      `Column "${column}", row ${row} of the file: ${fault.message}`,
      { column, row },
      fault,
    )
  }
}

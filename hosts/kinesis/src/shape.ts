/**
 * What an input of the API looks like, and the check of it: types first (`SerializationException`, the first fault found),
 * then what the model asks of values (`ValidationException`, all faults in one message), as AWS does.
 *
 * After the service model `kinesis/2013-12-02/service-2.json` that AWS publishes with its SDKs.
 */
import { KinesisFailure, serializationFailure } from "./failure.ts"

export type Shape =
  | {
      readonly kind: "text"
      readonly min?: number
      readonly max?: number
      readonly pattern?: string
      readonly values?: readonly string[]
    }
  | { readonly kind: "whole"; readonly min?: number; readonly max?: number }
  | { readonly kind: "flag" }
  /** Bytes: base64 in JSON, a byte string in CBOR. */
  | { readonly kind: "bytes"; readonly min?: number; readonly max?: number }
  /** An instant; decoded it is in ms. */
  | { readonly kind: "time" }
  | { readonly kind: "list"; readonly of: Shape; readonly min: number; readonly max: number }
  | { readonly kind: "map"; readonly key: Shape; readonly of: Shape; readonly min: number; readonly max: number }
  | {
      readonly kind: "structure"
      readonly members: Readonly<Record<string, Shape>>
      readonly required: readonly string[]
    }

export type Structure = Extract<Shape, { readonly kind: "structure" }>

/** How the values of one wire format become those of a shape. */
export interface Scalars {
  /** Undefined when it is none. */
  bytes(value: unknown): Uint8Array | undefined
  /** Undefined when it is none. */
  time(value: unknown): number | undefined
}

const faultsMost = 10
/** Longest text without a bound of its own that is compared with a pattern. */
const patternLengthMost = 4_096

/**
 * The input as its shape has it: bytes as bytes, times in ms, members that the model does not know left out.
 *
 * @throws KinesisFailure SerializationException, ValidationException
 */
export function checkedInput(value: unknown, shape: Structure, scalars: Scalars): Readonly<Record<string, unknown>> {
  const input = typed(value ?? {}, shape, scalars) as Record<string, unknown>
  const faults: string[] = []
  check(input, shape, "", faults)
  if (faults.length === 0) return input
  const count = `${faults.length} validation error${faults.length === 1 ? "" : "s"} detected: `
  throw new KinesisFailure("ValidationException", count + faults.slice(0, faultsMost).join("; "))
}

/** The value with its types right. */
function typed(value: unknown, shape: Shape, scalars: Scalars): unknown {
  switch (shape.kind) {
    case "text":
      if (typeof value === "string") return value
      throw serializationFailure(`${nameOf(value)} can not be converted to a String`)
    case "whole":
      if (typeof value === "number" && Number.isFinite(value)) return Math.trunc(value)
      throw serializationFailure(`${nameOf(value)} can not be converted to an Integer`)
    case "flag":
      if (typeof value === "boolean") return value
      throw serializationFailure(`${nameOf(value)} can not be converted to a Boolean`)
    case "bytes": {
      const bytes = scalars.bytes(value)
      if (bytes !== undefined) return bytes
      throw serializationFailure(`${nameOf(value)} can not be converted to a Blob`)
    }
    case "time": {
      const time = scalars.time(value)
      if (time !== undefined) return time
      throw serializationFailure(`${nameOf(value)} can not be converted to a Timestamp`)
    }
    case "list":
      if (!Array.isArray(value))
        throw serializationFailure(`Unexpected value type in payload: ${nameOf(value)} instead of a list`)
      // A null in a list is no entry.
      return value.map((item) => typed(item, shape.of, scalars))
    case "map":
      return typedMap(value, shape, scalars)
    case "structure":
      return typedStructure(value, shape, scalars)
  }
}

function typedMap(
  value: unknown,
  shape: Extract<Shape, { readonly kind: "map" }>,
  scalars: Scalars,
): Map<string, unknown> {
  if (!isRecord(value))
    throw serializationFailure(`Unexpected value type in payload: ${nameOf(value)} instead of a map`)
  return new Map(
    Object.entries(value).map(([key, item]) => [key, item === null ? undefined : typed(item, shape.of, scalars)]),
  )
}

function typedStructure(value: unknown, { members }: Structure, scalars: Scalars): Record<string, unknown> {
  if (!isRecord(value))
    throw serializationFailure(`Unexpected value type in payload: ${nameOf(value)} instead of a structure`)
  const result: Record<string, unknown> = {}
  for (const name in members) {
    const item = Object.hasOwn(value, name) ? value[name] : undefined
    if (item !== undefined && item !== null) result[name] = typed(item, members[name] as Shape, scalars)
  }
  return result
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return "NULL_VALUE"
  if (typeof value === "string") return "STRING_VALUE"
  if (typeof value === "number" || typeof value === "bigint")
    return Number.isInteger(Number(value)) ? "NUMBER_VALUE" : "DECIMAL_VALUE"
  if (typeof value === "boolean") return value ? "TRUE_VALUE" : "FALSE_VALUE"
  if (value instanceof Uint8Array) return "BYTES_VALUE"
  return Array.isArray(value) ? "START_ARRAY" : "START_OBJECT"
}

/** Adds what a value of the right type does not fit in. */
function check(value: unknown, shape: Shape, at: string, faults: string[]): void {
  switch (shape.kind) {
    case "text": {
      const text = value as string
      const { min, max, pattern, values } = shape
      const shown = `Value '${text}' at '${at}' failed to satisfy constraint: Member must `
      if (min !== undefined && text.length < min) faults.push(`${shown}have length greater than or equal to ${min}`)
      if (max !== undefined && text.length > max) faults.push(`${shown}have length less than or equal to ${max}`)
      if (values !== undefined && !values.includes(text))
        faults.push(`${shown}satisfy enum value set: [${values.join(", ")}]`)
      // What is too long is not looked at: it may be megabytes.
      if (pattern !== undefined && text.length <= (max ?? patternLengthMost) && !expression(pattern).test(text))
        faults.push(`${shown}satisfy regular expression pattern: ${pattern}`)
      return
    }
    case "whole": {
      const shown = `Value '${String(value)}' at '${at}' failed to satisfy constraint: Member must have value `
      if (shape.min !== undefined && (value as number) < shape.min)
        faults.push(`${shown}greater than or equal to ${shape.min}`)
      if (shape.max !== undefined && (value as number) > shape.max)
        faults.push(`${shown}less than or equal to ${shape.max}`)
      return
    }
    case "bytes": {
      const { length } = value as Uint8Array
      const { max = Number.POSITIVE_INFINITY } = shape
      const shown = `Value 'java.nio.HeapByteBuffer[pos=0 lim=${length} cap=${length}]' at '${at}' failed to satisfy constraint: Member must `
      if (length > max) faults.push(`${shown}have length less than or equal to ${max}`)
      return
    }
    case "list": {
      const items = value as readonly unknown[]
      checkCount(items.length, shape, at, faults)
      for (let i = 0; i < items.length; i++) check(items[i], shape.of, `${at}.${i + 1}.member`, faults)
      return
    }
    case "map": {
      const items = value as ReadonlyMap<string, unknown>
      checkCount(items.size, shape, at, faults)
      for (const [key, item] of items) {
        check(key, shape.key, `${at}.${key}.key`, faults)
        if (item === undefined)
          faults.push(`Value null at '${at}.${key}.member' failed to satisfy constraint: Member must not be null`)
        else check(item, shape.of, `${at}.${key}.member`, faults)
      }
      return
    }
    case "structure": {
      const fields = value as Readonly<Record<string, unknown>>
      const { members, required } = shape
      for (const name of required) {
        if (fields[name] === undefined)
          faults.push(`Value null at '${placeOf(at, name)}' failed to satisfy constraint: Member must not be null`)
      }
      for (const name in fields) check(fields[name], members[name] as Shape, placeOf(at, name), faults)
      return
    }
    case "flag":
    case "time":
      return
  }
}

function checkCount(
  count: number,
  { min, max }: { readonly min: number; readonly max: number },
  at: string,
  faults: string[],
): void {
  const shown = `Value '[]' at '${at}' failed to satisfy constraint: Member must have length `
  if (count < min) faults.push(`${shown}greater than or equal to ${min}`)
  if (count > max) faults.push(`${shown}less than or equal to ${max}`)
}

/** A member's place as AWS writes it: `records.1.member.partitionKey`. */
function placeOf(at: string, name: string): string {
  // StreamARN is streamARN, and only its first letter changes.
  const own = name.charAt(0).toLowerCase() + name.slice(1)
  return at === "" ? own : `${at}.${own}`
}

const expressions = new Map<string, RegExp>()

/** There are as many as the model has patterns. */
function expression(pattern: string): RegExp {
  let known = expressions.get(pattern)
  if (known === undefined) {
    // As the model has them, the patterns of ARNs take seconds for a hostile one; no part of an ARN before the last holds a colon.
    known = new RegExp(`^(?:${pattern.replaceAll(".*", "[^:]*")})$`)
    expressions.set(pattern, known)
  }
  return known
}

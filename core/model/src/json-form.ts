/**
 * Whether a value is in JSON what it is in the program. `JSON.stringify` throws for some values and silently makes others into something else:
 * a `Map` into `{}`, `NaN` into `null`. What has a `toJSON` of its own, such as a `Date`, says itself what it is, except where a type promises
 * that the value itself is read back.
 *
 * 1. JSON that is given says all that the value says; fields that are undefined, functions or symbols are left out, as ever.
 * 2. What is read back from the JSON of `sameJsonOf` is what was given, but for fields that are undefined.
 * 3. JSON that is given is no deeper than it may be.
 */
import { deepJsonFault, isDeepJson } from "./json-depth.ts"
import { limits } from "./limits.ts"

export type JsonForm = { readonly json: string } | { readonly fault: string }

/** The JSON of a value, or why it has none: the place in the value, and what is there. */
export function jsonOf(value: unknown): JsonForm {
  return formOf(value, false)
}

/** The same, of a value that JSON gives back as it is: without dates, instances of classes, functions, or `undefined` in a list. */
export function sameJsonOf(value: unknown): JsonForm {
  return formOf(value, true)
}

function formOf(value: unknown, same: boolean): JsonForm {
  let json: string | undefined
  try {
    json = JSON.stringify(value)
  } catch (thrown) {
    const fault = lossIn(value, new Set(), same, 0)
    if (fault !== undefined) return { fault }
    // A getter or `toJSON` of the value's own.
    throw thrown
  }
  if (json === undefined) return { fault: `it has no JSON form (${typeof value})` }
  if (isDeepJson(json)) return { fault: deepJsonFault }
  const fault = lossIn(value, undefined, same, 0)
  return fault === undefined ? { json } : { fault }
}

/**
 * @param above - what the value lies in, where that may be a circle
 * @param same - whether it has to be read back as it is
 */
function lossIn(value: unknown, above: Set<object> | undefined, same: boolean, depth: number): string | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `${value} has no JSON form`
  if (typeof value === "bigint") return "a BigInt has no JSON form; give String(n) or Number(n)"
  if (same && (typeof value === "function" || typeof value === "symbol")) return `a ${typeof value} has no JSON form`
  if (typeof value !== "object" || value === null) return undefined
  if (above?.has(value) === true) return "it lies in itself, which has no JSON form"
  if (typeof (value as { readonly toJSON?: unknown }).toJSON === "function") return same ? textOf(value) : undefined
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) {
    const lost = same ? (lossOf(value) ?? classOf(value)) : lossOf(value)
    if (lost !== undefined) return lost
    // Numbers, by their places.
    if (ArrayBuffer.isView(value)) return undefined
  }
  // What its own code shows in place of it is looked at as text alone.
  if (depth >= limits.jsonDepthMax) return deepJsonFault
  above?.add(value)
  for (const [name, part] of Object.entries(value)) {
    // Most parts hold nothing.
    if (typeof part === "string" || typeof part === "boolean") continue
    const fault = same && part === undefined && Array.isArray(value) ? "undefined in a list is null in JSON; give null" : lossIn(part, above, same, depth + 1)
    if (fault === deepJsonFault) return fault
    // Places are written on the way back, so that only faults cost that.
    if (fault !== undefined) return `${name}${fault.includes(": ") ? "." : ": "}${fault}`
  }
  above?.delete(value)
  return undefined
}

function textOf(value: object): string {
  return value instanceof Date ? "a Date is a text in JSON; give date.toISOString()" : "it has a toJSON of its own, so JSON makes something else of it; give that"
}

/** Why an object is another one when it is read back: only plain ones are what they were, whichever realm they are from. */
function classOf(value: object): string | undefined {
  const above: object | null = Object.getPrototypeOf(value)
  if (above === null || Object.getPrototypeOf(above) === null) return undefined
  const { name } = value.constructor
  return `JSON does not keep what is of the class ${name === "" ? "that it is" : name}; give a plain object`
}

/** Why an object of a class loses what it holds. */
function lossOf(value: object): string | undefined {
  if (value instanceof Map) return "a Map has no JSON form; give Object.fromEntries(map)"
  if (value instanceof Set) return "a Set has no JSON form; give [...set]"
  if (value instanceof Promise) return "a Promise has no JSON form; await it"
  if (value instanceof Error) return "an Error has no JSON form; throw it, or give its message"
  if (value instanceof RegExp) return "a RegExp has no JSON form; give its source"
  if (value instanceof WeakMap || value instanceof WeakSet) return "a weak collection has no JSON form"
  return value instanceof ArrayBuffer ? "an ArrayBuffer has no JSON form; give text, such as base64" : undefined
}

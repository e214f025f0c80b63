/**
 * Whether a value is in JSON what it is in the program. `JSON.stringify` throws for some values and silently makes others into something else:
 * a `Map` into `{}`, `NaN` into `null`. Not for what has a `toJSON` of its own, such as a `Date`: that says itself what it is.
 *
 * 1. JSON that is given says all that the value says; fields that are undefined, functions or symbols are left out, as ever.
 */

/** The JSON of a value, or why it has none: the place in the value, and what is there. */
export function jsonOf(value: unknown): { readonly json: string } | { readonly fault: string } {
  let json: string | undefined
  try {
    json = JSON.stringify(value)
  } catch (thrown) {
    const fault = lossIn(value, new Set())
    if (fault !== undefined) return { fault }
    // A getter or `toJSON` of the value's own.
    throw thrown
  }
  if (json === undefined) return { fault: `it has no JSON form (${typeof value})` }
  const fault = lossIn(value, undefined)
  return fault === undefined ? { json } : { fault }
}

/** @param above - what the value lies in, where that may be a circle */
function lossIn(value: unknown, above: Set<object> | undefined): string | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `${value} has no JSON form`
  if (typeof value === "bigint") return "a BigInt has no JSON form; give String(n) or Number(n)"
  if (typeof value !== "object" || value === null) return undefined
  if (above?.has(value) === true) return "it lies in itself, which has no JSON form"
  if (typeof (value as { readonly toJSON?: unknown }).toJSON === "function") return undefined
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) {
    // Numbers, by their places.
    if (ArrayBuffer.isView(value)) return undefined
    const lost = lossOf(value)
    if (lost !== undefined) return lost
  }
  above?.add(value)
  for (const [name, part] of Object.entries(value)) {
    // Most parts hold nothing.
    if (typeof part === "string" || typeof part === "boolean") continue
    const fault = lossIn(part, above)
    // Places are written on the way back, so that only faults cost that.
    if (fault !== undefined) return `${name}${fault.includes(": ") ? "." : ": "}${fault}`
  }
  above?.delete(value)
  return undefined
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

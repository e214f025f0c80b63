/**
 * Filter patterns of a mapping, in the language of EventBridge as Lambda has it for Kinesis: a pattern looks at the record's
 * `data` alone, as JSON or as a plain text.
 *
 * A record passes that fits one of the patterns; in a pattern all fields must fit, in a field one of its alternatives.
 * Numbers are the same when their texts are: 300 is not 3e2.
 *
 * Not for: partition keys and times, which Lambda does not filter Kinesis records by.
 */
import { MillraceError } from "./errors.ts"
import { limits } from "./limits.ts"

/** Whether a record's data passes. */
export type MappingFilter = (data: Uint8Array) => boolean

/** A number of JSON that has kept its text. */
class NumberText {
  readonly text: string
  readonly value: number

  constructor(text: string, value: number) {
    this.text = text
    this.value = value
  }
}

/** Fits a value; undefined: there is none. */
type Test = (value: unknown) => boolean

/** Where in a pattern something is wrong. */
interface Place {
  readonly what: string
  readonly path: string
  /** Whether the text of a number matters anywhere in the patterns. */
  readonly facts: { hasNumbers: boolean }
}

/**
 * The filter of some patterns, each a JSON text.
 *
 * @param what - names the setting in errors
 * @returns undefined without patterns: everything passes
 * @throws MR1101 naming the place in the pattern
 */
export function mappingFilter(patterns: readonly string[], what: string): MappingFilter | undefined {
  if (patterns.length > limits.mappingFiltersMax) {
    throw new MillraceError("MR1101", `${what}: ${patterns.length} filters; at most ${limits.mappingFiltersMax}. A record passes that fits one of them.`)
  }
  const facts = { hasNumbers: false }
  const tests = patterns.map((pattern, i) => patternTest(pattern, { what: `${what}[${i}]`, path: "", facts }))
  if (tests.length === 0) return undefined
  const decoder = new TextDecoder()
  return (data) => {
    const value = dataOf(decoder.decode(data), facts.hasNumbers)
    return tests.some((test) => test({ data: value }))
  }
}

/** An object or array of JSON; anything else is a plain text. */
function dataOf(text: string, withNumbers: boolean): unknown {
  const first = text.trimStart()[0]
  if (first !== "{" && first !== "[") return text
  try {
    return parsed(text, withNumbers)
  } catch {
    return text
  }
}

function parsed(text: string, withNumbers: boolean): unknown {
  if (!withNumbers) return JSON.parse(text)
  // A reviver is told the text of what it revives; the types of the language do not say so yet.
  const reviver = (_: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === "number" ? new NumberText(context?.source ?? String(value), value) : value
  return JSON.parse(text, reviver)
}

function patternTest(pattern: string, place: Place): Test {
  if (pattern.length > limits.mappingFilterLengthMax) {
    throw refusal(place, `the pattern has ${pattern.length} characters; at most ${limits.mappingFilterLengthMax}`)
  }
  let given: unknown
  try {
    given = parsed(pattern, true)
  } catch {
    throw refusal(place, "the pattern is not JSON")
  }
  if (!isObject(given)) throw refusal(place, 'a pattern is an object such as {"data":{"status":["paid"]}}')
  return rootTest(given, place)
}

function rootTest(given: Readonly<Record<string, unknown>>, place: Place): Test {
  const unknown = Object.keys(given).find((key) => key !== "data" && key !== "$or")
  if (unknown !== undefined) throw refusal(place, `${JSON.stringify(unknown)}: a filter of Kinesis records looks at "data" alone`)
  return objectTest(given, place, (field, at) => {
    const { path } = at
    if (path === "data" && isObject(field)) {
      const test = objectTest(field, at)
      return (data) => isObject(data) && test(data)
    }
    // A record that is an object is no plain text, so a pattern of a text drops it.
    const test = fieldTest(field, at)
    return (data) => typeof data === "string" && test(data)
  })
}

type FieldTest = (field: unknown, place: Place) => Test

function objectTest(given: Readonly<Record<string, unknown>>, place: Place, ofField: FieldTest = fieldTest): Test {
  const entries = Object.entries(given)
  if (entries.length === 0) throw refusal(place, "an empty object would fit everything; name a field")
  const tests = entries.map(([key, field]): ((value: Readonly<Record<string, unknown>> | undefined) => boolean) => {
    if (key === "$or") return alternatives(field, place, ofField)
    const test = ofField(field, { ...place, path: place.path === "" ? key : `${place.path}.${key}` })
    return (value) => test(value !== undefined && Object.hasOwn(value, key) ? value[key] : undefined)
  })
  const fits = (value: unknown): boolean => tests.every((test) => test(isObject(value) ? value : undefined))
  // Of objects in an array one must fit as a whole.
  return (value) => (Array.isArray(value) ? value.some(fits) : fits(value))
}

function alternatives(given: unknown, place: Place, ofField: FieldTest): Test {
  const at = { ...place, path: place.path === "" ? "$or" : `${place.path}.$or` }
  if (!Array.isArray(given) || given.length < 2 || !given.every(isObject)) throw refusal(at, "$or takes an array of at least two objects")
  const tests = given.map((each) => objectTest(each, place, ofField))
  return (value) => tests.some((test) => test(value))
}

function fieldTest(given: unknown, place: Place): Test {
  if (isObject(given)) return objectTest(given, place)
  if (!Array.isArray(given) || given.length === 0) throw refusal(place, 'what a field may be is an array of alternatives, such as ["paid", { "prefix": "re" }]')
  const tests = given.map((each) => alternativeTest(each, place))
  const fits = (value: unknown): boolean => tests.some((test) => test(value))
  return (value) => {
    if (!Array.isArray(value)) return fits(value)
    return value.length === 0 ? fits(undefined) : value.some(fits)
  }
}

const operators = ["prefix", "suffix", "equals-ignore-case", "anything-but", "numeric", "exists"]

function alternativeTest(given: unknown, place: Place): Test {
  if (given instanceof NumberText) {
    place.facts.hasNumbers = true
    return (value) => value instanceof NumberText && value.text === given.text
  }
  if (given === null || typeof given === "string" || typeof given === "boolean") return (value) => value === given
  if (!isObject(given)) throw refusal(place, "an alternative is a text, a number, true, false, null or an operator such as { \"prefix\": \"a\" }")
  const [[operator, operand] = ["", undefined], ...others] = Object.entries(given)
  if (others.length > 0 || !operators.includes(operator)) {
    throw refusal(place, `${JSON.stringify(Object.keys(given))} is not one operator of ${operators.join(", ")}`)
  }
  const at = { ...place, path: `${place.path} ${operator}` }
  switch (operator) {
    case "exists":
      if (typeof operand !== "boolean") throw refusal(at, "give true or false")
      return (value) => (value !== undefined && !isObject(value)) === operand
    case "numeric":
      return numericTest(operand, at)
    case "anything-but":
      return anythingBut(operand, at)
    default:
      return textTest(operator, operand, at)
  }
}

function textTest(operator: string, operand: unknown, place: Place): Test {
  if (isObject(operand) && operator !== "equals-ignore-case") {
    const text = operand["equals-ignore-case"]
    if (Object.keys(operand).length !== 1 || typeof text !== "string") throw refusal(place, 'give a text, or { "equals-ignore-case": text }')
    const folded = text.toLowerCase()
    return (value) => typeof value === "string" && (operator === "prefix" ? value.toLowerCase().startsWith(folded) : value.toLowerCase().endsWith(folded))
  }
  if (typeof operand !== "string") throw refusal(place, "give a text")
  const folded = operand.toLowerCase()
  switch (operator) {
    case "prefix":
      return (value) => typeof value === "string" && value.startsWith(operand)
    case "suffix":
      return (value) => typeof value === "string" && value.endsWith(operand)
    default:
      return (value) => typeof value === "string" && value.toLowerCase() === folded
  }
}

function anythingBut(operand: unknown, place: Place): Test {
  if (isObject(operand)) {
    const [[operator, texts] = ["", undefined], ...others] = Object.entries(operand)
    if (others.length > 0 || !["prefix", "suffix", "equals-ignore-case"].includes(operator)) {
      throw refusal(place, 'give texts, numbers, or { "prefix": … }, { "suffix": … }, { "equals-ignore-case": … }')
    }
    const tests = listed(texts, place).map((text) => textTest(operator, text, place))
    return (value) => isScalar(value) && !tests.some((test) => test(value))
  }
  const given = listed(operand, place)
  const areTexts = given.every((each) => typeof each === "string")
  if (!areTexts && !given.every((each) => each instanceof NumberText)) throw refusal(place, "give texts or numbers, not both")
  const tests = given.map((each) => alternativeTest(each, place))
  return (value) => isScalar(value) && !tests.some((test) => test(value))
}

function listed(given: unknown, place: Place): readonly unknown[] {
  if (!Array.isArray(given)) return [given]
  if (given.length === 0) throw refusal(place, "give at least one")
  return given
}

const comparisons: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  "=": (value, bound) => value === bound,
  "<": (value, bound) => value < bound,
  "<=": (value, bound) => value <= bound,
  ">": (value, bound) => value > bound,
  ">=": (value, bound) => value >= bound,
}

/** EventBridge compares numbers between minus and plus five billion. */
const numberMost = 5_000_000_000

function numericTest(operand: unknown, place: Place): Test {
  const shape = 'give a comparison and its number, or two of them, such as [">", 0, "<=", 5]'
  if (!Array.isArray(operand) || (operand.length !== 2 && operand.length !== 4)) throw refusal(place, shape)
  const tests: ((value: number) => boolean)[] = []
  for (let i = 0; i < operand.length; i += 2) {
    const compare = typeof operand[i] === "string" ? comparisons[operand[i] as string] : undefined
    const bound = operand[i + 1] as unknown
    if (compare === undefined || !(bound instanceof NumberText)) throw refusal(place, shape)
    if (Math.abs(bound.value) > numberMost) throw refusal(place, `${bound.text} lies beyond ${numberMost}, the most that EventBridge compares`)
    tests.push((value) => compare(value, bound.value))
  }
  return (value) => {
    const number = value instanceof NumberText ? value.value : value
    return typeof number === "number" && tests.every((test) => test(number))
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof NumberText)
}

function isScalar(value: unknown): boolean {
  return value !== undefined && !isObject(value)
}

function refusal({ what, path }: Place, why: string): MillraceError {
  return new MillraceError("MR1101", `${what}${path === "" ? "" : `, ${path}`}: ${why}.`)
}

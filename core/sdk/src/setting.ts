/**
 * Checks of what a definition is given, made when it is written: the error's stack then points at the user's line.
 * Texts of durations and sizes are read by the model; here are names, bounds and unknown keys.
 */
import { type Duration, durationMs, limits, MillraceError, type StandardSchema } from "@millrace/model"

const nameShape = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/

/**
 * A name of a stream, operator, sink or service. Names become parts of file names, addresses and stored state.
 *
 * @throws MR1101
 */
export function checkedName(name: unknown, what: string): string {
  if (typeof name === "string" && nameShape.test(name) && name.length <= limits.nameLengthMax) return name
  throw new MillraceError(
    "MR1101",
    `${what}: ${JSON.stringify(name)} is not a name. ` +
      `Use 1 to ${limits.nameLengthMax} letters, digits, ".", "_" and "-", beginning with a letter, a digit or "_".`,
    { given: name },
  )
}

/** @throws MR1101 unless it is a whole number from `least` to `most` */
export function checkedWhole(given: unknown, least: number, most: number, what: string): number {
  if (typeof given === "number" && Number.isInteger(given) && given >= least && given <= most) return given
  throw new MillraceError(
    "MR1101",
    `${what}: ${JSON.stringify(given)} is not a whole number from ${least} to ${most}.`,
    {
      given,
      least,
      most,
    },
  )
}

/** Whole milliseconds of a duration. @throws MR1101 */
export function checkedMs(given: Duration, what: string, least = 0): number {
  const ms = durationMs(given, what)
  if (Number.isInteger(ms) && ms >= least && ms <= limits.delayMsMax) return ms
  const bounds =
    ms < least ? `at least ${least} ms` : ms > limits.delayMsMax ? `at most ${limits.delayMsMax} ms` : "whole milliseconds"
  throw new MillraceError("MR1101", `${what}: ${JSON.stringify(given)} must be ${bounds}.`, { given })
}

/** @throws MR1101 naming the first key that means nothing here, and those that do */
export function checkKeys(options: unknown, known: readonly string[], what: string): void {
  if (typeof options !== "object" || options === null) {
    throw new MillraceError(
      "MR1101",
      `${what}: the options must be an object, not ${JSON.stringify(options) ?? typeof options}.`,
    )
  }
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown === undefined) return
  throw new MillraceError(
    "MR1101",
    `${what}: there is no option ${JSON.stringify(unknown)}; there are ${known.join(", ")}.`,
    {
      given: unknown,
      known,
    },
  )
}

/** @throws MR1101 unless it is a function (or absent, where that is allowed) */
export function checkFunction(given: unknown, what: string, presence: "required" | "optional" = "required"): void {
  if (typeof given === "function" || (presence === "optional" && given === undefined)) return
  throw new MillraceError("MR1101", `${what}: expected a function, got ${given === null ? "null" : typeof given}.`)
}

/**
 * @param answers - whether it has to answer at once; a schema of zod does not say whether it will (MR1212)
 * @throws MR1101 for what is no Standard Schema, or says that it is asynchronous where it has to answer at once
 */
export function checkSchema(schema: Partial<StandardSchema> | null | undefined, what: string, answers: "at once" | "in time"): void {
  if (schema === undefined) return
  if (typeof schema?.["~standard"]?.validate !== "function") {
    throw new MillraceError("MR1101", `${what}: expected a Standard Schema (zod, valibot, arktype, …).`)
  }
  // As valibot's say.
  if (answers === "in time" || (schema as { readonly async?: unknown }).async !== true) return
  throw new MillraceError("MR1101", `${what}: the schema is asynchronous, and values are checked as they arrive; check in the code what has to wait.`)
}

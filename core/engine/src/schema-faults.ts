/** What a schema finds wrong with a value, in words for whoever sent it. */
import type { SchemaIssue } from "@millrace/model"

/** One fault; `path` is empty for the value as a whole. */
export interface SchemaFault {
  readonly path: string
  readonly message: string
}

/** @param value - what the schema was given, as JSON gives it */
export function schemaFaults(issues: readonly SchemaIssue[], value: unknown): { readonly faults: readonly SchemaFault[]; readonly listed: string } {
  const faults = issues.map(({ path = [], message }) => {
    const keys = path.map((part) => (typeof part === "object" ? part.key : part))
    return { path: keys.map(String).join("."), message: worded(message, at(value, keys)) }
  })
  return { faults, listed: faults.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ") }
}

/**
 * JSON has no dates, so a schema library speaks of a date that it made, or wanted, where its user sees a text: "expected date, received
 * Date" for one that is none. Everything else is left as the library says it.
 */
function worded(message: string, given: unknown): string {
  if (!/\b(?:expected|must be) (?:a )?(?:valid )?date\b/i.test(message)) return message
  if (given === undefined && /received (?:Date|Invalid Date)$/.test(message)) return "a date is wanted, and there is none"
  if (typeof given !== "string") return message
  if (Number.isNaN(Date.parse(given))) return `${JSON.stringify(given.length > shownMost ? `${given.slice(0, shownMost)}…` : given)} is no date`
  return `${message}; JSON has no dates, so let the schema take a text and make a date of it, as z.coerce.date() does`
}

/** Characters of a value that a message repeats. */
const shownMost = 60

function at(value: unknown, keys: readonly PropertyKey[]): unknown {
  let here = value
  for (const key of keys) {
    if (typeof here !== "object" || here === null) return undefined
    here = (here as Readonly<Record<PropertyKey, unknown>>)[key]
  }
  return here
}

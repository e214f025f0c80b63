/** A line of the log for people: what pino writes as JSON, as a sentence with its facts behind it. */
import type { LoggedError } from "./logged-error.ts"

const levels: Readonly<Record<number, string>> = { 30: "info ", 40: "warn ", 50: "error" }

/** @param json - one line, as pino writes it; what is none is given back as it is */
export function prose(json: string): string {
  let line: Readonly<Record<string, unknown>>
  try {
    line = JSON.parse(json) as Readonly<Record<string, unknown>>
  } catch {
    return json
  }
  const { level, time, msg, ...facts } = line
  const at = new Date(Number(time)).toTimeString().slice(0, 8)
  const told = Object.entries(facts).filter(([, value]) => value !== undefined && !(typeof value === "object" && value !== null && Object.keys(value).length === 0))
  const stacks: string[] = []
  const behind = told.flatMap(([name, value]) => {
    // A stack is for eyes that look for a place: line by line, below the sentence.
    if (name === "stack" && typeof value === "string") {
      stacks.push(value)
      return []
    }
    if (!isError(value)) return [`${name} ${typeof value === "string" ? value : JSON.stringify(value)}`]
    if (value.stack !== undefined) stacks.push(value.stack)
    return [`${name} ${value.code === undefined ? "" : `${value.code}: `}${value.message}`]
  })
  const below = stacks.map((stack) => `  ${stack.replaceAll("\n", "\n  ")}\n`).join("")
  return `${at} ${levels[Number(level)] ?? String(level)} ${String(msg)}${behind.length === 0 ? "" : ` (${behind.join(", ")})`}\n${below}`
}

function isError(value: unknown): value is LoggedError {
  if (typeof value !== "object" || value === null) return false
  const { name, message, stack } = value as Partial<Record<keyof LoggedError, unknown>>
  return typeof name === "string" && typeof message === "string" && (stack === undefined || typeof stack === "string")
}

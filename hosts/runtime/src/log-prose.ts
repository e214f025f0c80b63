/** A line of the log for people: what pino writes as JSON, as a sentence with its facts behind it. */

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
  const behind = told.map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`).join(", ")
  return `${at} ${levels[Number(level)] ?? String(level)} ${String(msg)}${behind === "" ? "" : ` (${behind})`}\n`
}

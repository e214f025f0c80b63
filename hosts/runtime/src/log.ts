/** What the runtime says of itself, through pino: one line of JSON per event, or, on a terminal, one that people can read. */
import { pino } from "pino"
import { prose } from "./log-prose.ts"
import { loggedFacts } from "./logged-error.ts"

/** Where a node's events go. Facts first, then the sentence. */
export interface Log {
  info(facts: object, sentence: string): void
  warn(facts: object, sentence: string): void
  error(facts: object, sentence: string): void
}

export interface LogOptions {
  /** @default whether standard error is a terminal */
  readonly prosaic?: boolean
  /** @default to standard error, at once */
  readonly write?: (line: string) => void
}

/** A log on standard error. */
export function openLog(level: "info" | "warn" | "error" | "silent" = "info", { prosaic = process.stderr.isTTY === true, write }: LogOptions = {}): Log {
  const stderr = write === undefined ? pino.destination({ dest: 2, sync: true }) : { write }
  return pino({ level, base: null, formatters: { log: loggedFacts } }, prosaic ? { write: (line: string) => void stderr.write(prose(line)) } : stderr)
}

/** What the runtime says of itself: one line of JSON per event, through pino. */
import { pino } from "pino"

/** Where a node's events go. Facts first, then the sentence. */
export interface Log {
  info(facts: object, sentence: string): void
  warn(facts: object, sentence: string): void
  error(facts: object, sentence: string): void
}

/** A log on standard error. */
export function openLog(level: "info" | "warn" | "error" | "silent" = "info"): Log {
  return pino({ level, base: null }, pino.destination({ dest: 2, sync: true }))
}

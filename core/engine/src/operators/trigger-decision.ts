/** What a user's trigger says, checked, and what is kept of it. */
import { MillraceError, readValue, type TriggerDecision, valueBytes, valueFrom, writeValue } from "@millrace/model"
import type { StateCodec } from "../state.ts"

export type Handler = (value: never, ctx: never) => unknown

/** What a trigger keeps: its state, and its timers in ms, each once. */
export type TriggerKept = [state: unknown, timers: number[]]

export const keptCodec: StateCodec<TriggerKept> = {
  write: (to, kept) => writeValue(to, kept),
  read: (from) => readValue(from) as TriggerKept,
  copy: (kept) => valueFrom(valueBytes(kept)) as TriggerKept,
}

/** @throws MR1201 for what is no decision */
export function checkedDecision(decision: unknown, operator: string): TriggerDecision {
  switch (decision) {
    case undefined:
      return "continue"
    case "continue":
    case "fire":
    case "fire-and-purge":
    case "purge":
      return decision
    default:
      throw new MillraceError(
        "MR1201",
        `operator "${operator}": its trigger said ${JSON.stringify(decision)}; it may say "fire", "fire-and-purge", "purge" or "continue".`,
      )
  }
}

/** @throws MR1201 for a timer that could not be called, or that would be called for ever */
export function checkTimer(time: number, firing: number, onTime: unknown, operator: string): void {
  if (onTime === undefined) {
    throw new MillraceError("MR1201", `operator "${operator}": its trigger sets a timer but has no onTime to call then.`)
  }
  if (Number.isFinite(time) && time > firing) return
  const why = Number.isFinite(time) ? "in onTime it must be later than the timer in hand" : "that is no time in ms"
  throw new MillraceError("MR1201", `operator "${operator}": its trigger sets a timer for ${time}; ${why}.`)
}

/** What triggers do in models of windows: rules that see all that is held, and the code that must do the same. */
import assert from "node:assert/strict"
import type { Event } from "./window-model.ts"

export type Decision = "continue" | "fire" | "purge" | "fire-and-purge"

/** A key's window in a model. */
export interface Held {
  readonly events: Event[]
  /** Events since the last result. */
  fresh: number
  readonly timers: Set<number>
  /** The trigger's own state. */
  seen: number
}

/** A trigger in the plainest way. */
export interface Rule {
  onRecord(event: Event, held: Held): Decision
  onTime(time: number, held: Held): Decision
}

export function countRule(every: number, keep: boolean): Rule {
  return { onRecord: (_, { fresh }) => (fresh >= every ? (keep ? "fire" : "fire-and-purge") : "continue"), onTime: () => "continue" }
}

interface Context {
  readonly time: number
  readonly count: number
  state: { seen: number }
  setTimer(time: number): void
  clearTimer(time: number): void
}

/** Does a bit of everything, by what the records say. */
export const everything = {
  state: (): { seen: number } => ({ seen: 0 }),
  onRecord({ v, t }: Event, ctx: Context): Decision | undefined {
    assert.equal(ctx.time, t)
    ctx.state.seen += v
    if (v === -9) return "purge"
    if (v === 9) return "fire-and-purge"
    if (v === 8) return "fire"
    if (v === 7) ctx.clearTimer(t + 5)
    else ctx.setTimer(v % 2 === 0 ? t + 5 : t + v * 6)
    return v === 6 ? undefined : "continue"
  },
  onTime(ctx: Context): Decision {
    if (ctx.state.seen % 3 === 0) return "fire-and-purge"
    ctx.setTimer(ctx.time + 10)
    return ctx.count % 2 === 0 ? "fire" : "continue"
  },
}

/** The same as a rule. */
export const everythingRule: Rule = {
  onRecord({ v, t }, held) {
    const { timers } = held
    held.seen += v
    if (v === -9) return "purge"
    if (v === 9) return "fire-and-purge"
    if (v === 8) return "fire"
    if (v === 7) timers.delete(t + 5)
    else timers.add(v % 2 === 0 ? t + 5 : t + v * 6)
    return "continue"
  },
  onTime(time, { events, timers, seen }) {
    if (seen % 3 === 0) return "fire-and-purge"
    timers.add(time + 10)
    return events.length % 2 === 0 ? "fire" : "continue"
  },
}

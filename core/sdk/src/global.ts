/** Global windows and their triggers: their shape. */
import {
  MillraceError,
  type TriggerCode,
  type TriggerContext,
  type TriggerDecision,
  type TriggerPlan,
  type WindowTriggerContext,
} from "@millrace/model"
import { checkedWhole, checkFunction, checkKeys } from "./setting.ts"

/** One window for all records of a key, from {@link global}. */
export interface GlobalWindow<T> {
  readonly kind: "global"
  readonly every?: number
  readonly keep?: boolean
  readonly trigger?: Trigger<T, never>
}

/** Decides when a global window gives a result. */
export interface Trigger<T, State> {
  /** The trigger's state for a key that has none yet. */
  readonly state?: () => State
  /** Called for each record, after it has been counted. */
  onRecord(value: T, ctx: TriggerContext<State>): TriggerDecision | undefined | void
  /**
   * Called once the watermark (of windows by the clock, the clock) has reached a time given to `ctx.setTimer`; not when no record
   * has come since the last result.
   */
  onTime?(ctx: TriggerContext<State>): TriggerDecision | undefined | void
}

/** Decides when a window with bounds gives a result ahead of its end: see {@link TimedWindow.trigger}. */
export interface WindowTrigger<T, State> {
  /** The trigger's state for a key and window that have none yet. */
  readonly state?: () => State
  /** Called for each record that comes before the window's end, after it has been counted. */
  onRecord(value: T, ctx: WindowTriggerContext<State>): TriggerDecision | undefined | void
  /**
   * Called once the watermark (of windows by the clock, the clock) has reached a time given to `ctx.setTimer`; not when no record
   * has come since the last result.
   */
  onTime?(ctx: WindowTriggerContext<State>): TriggerDecision | undefined | void
}

/** Has a window with bounds give a result ahead of its end after each so many records. */
export interface CountTrigger {
  /** After so many records of the key in the window. */
  readonly every: number
  /** Whether records count again in the next result, which is then over all so far. @default false: it begins anew */
  readonly keep?: boolean
  readonly onRecord?: never
}

/** When a window with bounds gives a result ahead of its end. */
export type EarlyTrigger<T, State> = CountTrigger | WindowTrigger<T, State>

/** When a session gives a result ahead of its end: see {@link MergingWindow.trigger}. */
export type MergingTrigger<T, State> = CountTrigger | (WindowTrigger<T, State> & MergeOf<State>)

/** What makes the states of two sessions one; needed where there are states. */
export type MergeOf<State> = [State] extends [undefined]
  ? { readonly merge?: never }
  : {
      /**
       * A record has made two sessions of a key one: the state of both, made of that of the earlier and that of the later session. The
       * record has not been seen by the trigger yet.
       */
      readonly merge: (earlier: State, later: State) => State
    }

/** When a global window gives a result. */
export type GlobalOptions<T, State> =
  | {
      /** After so many records of the key. */
      readonly every: number
      /** Whether records count again in the next result, which is then over all so far. @default false: it begins anew */
      readonly keep?: boolean
      readonly trigger?: never
    }
  | { readonly trigger: Trigger<T, State>; readonly every?: never; readonly keep?: never }

/**
 * All records of a key in one window that gives results when a trigger says so: after each so many records, or as code of your own
 * decides. Records count in the order in which they come, whatever their event times, so none is late. At the end of the input each
 * key gives what it has not given yet. The result has no `start` and `end`; its event time is that of the record or timer that
 * gave it, or the watermark where that is ahead.
 *
 * A key keeps its window until the trigger says "purge" or "fire-and-purge"; without, for ever.
 *
 * @example
 * ```ts
 * readings.window("hundreds", global({ every: 100 })).aggregate({ mean: mean((r) => r.value) })
 * orders
 *   .window("baskets", global({ trigger: { onRecord: (order) => (order.paid ? "fire-and-purge" : "continue") } }))
 *   .aggregate({ items: collect((order) => order.item) })
 * ```
 */
export function global<T, State>(options: GlobalOptions<T, State>): GlobalWindow<T> {
  checkKeys(options, ["every", "keep", "trigger"], "global")
  return Object.freeze({ ...options, kind: "global" }) as GlobalWindow<T>
}

/** @throws MR1101 also for a trigger that can never fire */
export function triggerPlan({ every, keep, trigger }: GlobalWindow<never>, what: string): TriggerPlan {
  if ((every === undefined) === (trigger === undefined)) {
    const why = every === undefined ? "nothing would ever make it give a result" : "only one of both can decide"
    throw new MillraceError("MR1101", `${what}: ${why}. A global window has either every, such as { every: 100 }, or a trigger.`)
  }
  if (trigger === undefined) return countPlan(every, keep, what)
  if (keep !== undefined) throw new MillraceError("MR1101", `${what}: keep goes with every; a trigger says "fire" to keep the records.`)
  return customPlan(trigger, what)
}

/** @throws MR1101 also for a trigger that can never fire, and for one of sessions whose states could not be made one */
export function earlyTriggerPlan(given: EarlyTrigger<never, never>, windows: "fixed" | "merging", what: string): TriggerPlan {
  if ("every" in given) {
    checkKeys(given, ["every", "keep"], `${what}, trigger`)
    return countPlan(given.every, given.keep, what)
  }
  if (windows === "fixed") return customPlan(given, what)
  const { merge, ...trigger }: WindowTrigger<never, never> & { readonly merge?: unknown } = given
  const plan = customPlan(trigger, what)
  if (given.state !== undefined && merge === undefined) {
    const mend = "Give it merge(earlier, later), which makes the state of one session of those of two."
    throw new MillraceError("MR1101", `${what}: sessions merge, and this trigger does not say what becomes of its state then. ${mend}`)
  }
  checkFunction(merge, `${what}, trigger.merge`, "optional")
  return plan
}

function countPlan(every: unknown, keep: boolean | undefined, what: string): TriggerPlan {
  return Object.freeze({ kind: "count", every: checkedWhole(every, 1, Number.MAX_SAFE_INTEGER, `${what}, every`), keep: keep === true })
}

function customPlan(trigger: Trigger<never, never>, what: string): TriggerPlan {
  checkKeys(trigger, ["state", "onRecord", "onTime"], `${what}, trigger`)
  if (trigger.onRecord === undefined) {
    throw new MillraceError("MR1101", `${what}: a trigger without onRecord can never fire: nothing would set it a timer. Give it one.`)
  }
  checkFunction(trigger.onRecord, `${what}, trigger.onRecord`)
  checkFunction(trigger.onTime, `${what}, trigger.onTime`, "optional")
  checkFunction(trigger.state, `${what}, trigger.state`, "optional")
  return Object.freeze({ kind: "custom" })
}

/** The trigger's functions as they are when it is given. */
export function triggerCode(trigger: Trigger<never, never> & Pick<TriggerCode, "merge">): TriggerCode {
  return Object.freeze({
    onRecord: trigger.onRecord.bind(trigger),
    ...(trigger.merge === undefined ? {} : { merge: trigger.merge.bind(trigger) }),
    ...(trigger.state === undefined ? {} : { state: trigger.state.bind(trigger) }),
    ...(trigger.onTime === undefined ? {} : { onTime: trigger.onTime.bind(trigger) }),
  })
}

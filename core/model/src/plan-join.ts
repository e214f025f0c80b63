/** Joins of two flows by key, in the plan. */
import type { WindowPlan } from "./plan-window.ts"

/** Which records without a partner give a result too. */
export type JoinType = "inner" | "left" | "right" | "outer"

/**
 * Which records are partners: `interval`: the right one's time lies in [left - beforeMs, left + afterMs]; `window`: both lie in
 * one window; `ever`: any two, so everything is kept for ever.
 */
export type JoinBound =
  | { readonly kind: "interval"; readonly beforeMs: number; readonly afterMs: number }
  | { readonly kind: "window"; readonly window: WindowPlan }
  | { readonly kind: "ever" }

/** Gets `[0, value]` from the left and `[1, value]` from the right. */
export interface JoinShape {
  readonly kind: "join"
  readonly type: JoinType
  readonly bound: JoinBound
}

/** What a join's function may know besides its values. The object is reused: read it, do not keep it. */
export interface JoinContext {
  readonly key: string
  /** Event time of the result, in ms. */
  readonly time: number
}

export interface JoinCode {
  readonly kind: "join"
  readonly combine: (left: never, right: never, at: JoinContext) => unknown
}

/** Joins of two flows by key: their options, checked, and what they mean in the plan. */
import { type Duration, type JoinBound, type JoinContext, type JoinType, MillraceError } from "@millrace/model"
import { checkedMs, checkFunction, checkKeys, checkedName } from "../setting.ts"
import { type FixedWindow, windowPlan } from "./windowed.ts"
import type { Input, Origin, StatefulDefinition } from "../definition.ts"

/** How far the right record's time may lie from the left one's. */
export type Within = Duration | { readonly before?: Duration; readonly after?: Duration }

/** Which records of one key are partners, and what becomes of those without one. */
export type JoinOptions<Type extends JoinType> =
  | {
      /**
       * An interval join: the right record's event time lies at most `before` before and `after` after the left one's; a duration
       * alone is both. Records are kept as long as a partner may come.
       */
      readonly within: Within
      readonly window?: never
      /**
       * `left`, `right`, `outer`: a record of that side (of both) without a partner gives a result too, when the watermark proves
       * that none can come any more.
       *
       * @default "inner"
       */
      readonly type?: Type
    }
  | {
      /** A window join: both records lie in one tumbling or hopping window. Results come when the window closes. */
      readonly window: FixedWindow
      readonly within?: never
      /** @default "inner" */
      readonly type?: Type
    }
  | {
      readonly within?: never
      readonly window?: never
      /** Without `within` or `window` any two records of a key are partners, whenever they come: both flows are kept for ever. */
      readonly type?: Type & "inner"
    }

/** The left value as the join's function gets it. */
export type LeftOf<T, Type extends JoinType> = Type extends "right" | "outer" ? T | undefined : T

/** The right value as the join's function gets it. */
export type RightOf<U, Type extends JoinType> = Type extends "left" | "outer" ? U | undefined : U

/** A record that came too late to be joined, with the side it came from. */
export type LateOf<T, U> = { readonly side: "left"; readonly value: T } | { readonly side: "right"; readonly value: U }

export function joinDefinition(
  name: string,
  inputs: readonly [Origin, Origin],
  options: JoinOptions<JoinType>,
  combine: (left: never, right: never, at: JoinContext) => unknown,
): StatefulDefinition {
  checkedName(name, "join")
  const what = `join ${JSON.stringify(name)}`
  checkKeys(options, ["within", "window", "type"], what)
  checkFunction(combine, `${what}, combine`)
  const type = checkedType(options.type ?? "inner", what)
  const bound = boundOf(options, type, what)
  const [left, right] = inputs.map((from): Input => Object.freeze({ from })) as [Input, Input]
  return {
    kind: "stateful",
    name,
    inputs: Object.freeze([left, right] as const),
    shape: Object.freeze({ kind: "join", type, bound }),
    code: Object.freeze({ kind: "join", combine }),
  }
}

const types: readonly JoinType[] = ["inner", "left", "right", "outer"]

function checkedType(given: JoinType, what: string): JoinType {
  if (types.includes(given)) return given
  throw new MillraceError("MR1101", `${what}, type: ${JSON.stringify(given)} is none of ${types.join(", ")}.`, { given })
}

function boundOf({ within, window }: JoinOptions<JoinType>, type: JoinType, what: string): JoinBound {
  if (within !== undefined && window !== undefined) {
    throw new MillraceError("MR1101", `${what}: within and window exclude each other; give the one that says who is whose partner.`)
  }
  if (window !== undefined) return Object.freeze({ kind: "window", window: windowPlan(window, `${what}, window`) })
  if (within !== undefined) {
    const { before = 0, after = 0 } = typeof within === "object" ? within : { before: within, after: within }
    if (typeof within === "object") checkKeys(within, ["before", "after"], `${what}, within`)
    return Object.freeze({
      kind: "interval",
      beforeMs: checkedMs(before, `${what}, within.before`),
      afterMs: checkedMs(after, `${what}, within.after`),
    })
  }
  if (type !== "inner") {
    throw new MillraceError(
      "MR1101",
      `${what}: a ${type} join without within or window could never tell that a partner will not come. Give it a within, such as "10m".`,
    )
  }
  return Object.freeze({ kind: "ever" })
}

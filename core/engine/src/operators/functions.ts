/** The stateless operators: each calls a user function and hands on what it says. */
import { MillraceError, type OperatorCode } from "@millrace/model"
import type { Push, StageContext } from "../context.ts"
import { checkedKey } from "../event-time.ts"

type Code<Kind> = Extract<OperatorCode, { kind: Kind }>
type Loose<Result> = (value: unknown, at: { readonly key: string; readonly time: number }) => Result

export function map(code: Code<"map">, next: Push, { at }: StageContext): Push {
  const fn = code.fn as Loose<unknown>
  return (value, key, time) => {
    at.key = key
    at.time = time
    next(fn(value, at), key, time)
  }
}

export function filter(code: Code<"filter">, next: Push, { at }: StageContext): Push {
  const fn = code.fn as Loose<boolean>
  return (value, key, time) => {
    at.key = key
    at.time = time
    const kept: unknown = fn(value, at)
    if (kept === false) return
    // A promise counts as true, whatever it promises.
    if (kept instanceof Promise) throw asynchronous("filter")
    if (kept) next(value, key, time)
  }
}

export function flatMap(code: Code<"flatMap">, next: Push, { at }: StageContext): Push {
  const fn = code.fn as Loose<Iterable<unknown>>
  return (value, key, time) => {
    at.key = key
    at.time = time
    const items = fn(value, at)
    if (items instanceof Promise) throw asynchronous("flatMap")
    for (const item of items) next(item, key, time)
  }
}

export function peek(code: Code<"peek">, next: Push, { at }: StageContext): Push {
  const fn = code.fn as Loose<void>
  return (value, key, time) => {
    at.key = key
    at.time = time
    fn(value, at)
    next(value, key, time)
  }
}

/** Each value goes one way: that of the first test that it passes, or `rest`. */
export function split(code: Code<"split">, port: (name: string) => Push, rest: Push, { at }: StageContext): Push {
  const tests = code.branches.map(({ takes }) => takes as Loose<boolean>)
  const ways = code.branches.map((branch) => port(branch.port))
  return (value, key, time) => {
    at.key = key
    at.time = time
    for (let i = 0; i < tests.length; i++) {
      const taken: unknown = (tests[i] as Loose<boolean>)(value, at)
      if (taken === false) continue
      if (taken instanceof Promise) throw asynchronous("split")
      if (taken) return (ways[i] as Push)(value, key, time)
    }
    rest(value, key, time)
  }
}

/** The fault of a promise where a value is wanted. */
export function asynchronous(where: string): MillraceError {
  return new MillraceError("MR1201", `${where}: a promise was returned; functions of streams are synchronous.`)
}

export function rekey(code: Code<"rekey">, name: string, next: Push): Push {
  const fn = code.fn as (value: unknown) => unknown
  return (value, _key, time) => {
    next(value, checkedKey(fn(value), `operator "${name}"`), time)
  }
}

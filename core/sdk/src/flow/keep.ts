/** Things that a process keeps by key besides its state, and its side outputs: how they are declared. */
import {
  type Duration,
  type KeepPlan,
  type KeptCounter,
  type KeptList,
  type KeptMap,
  type KeptReduced,
  type KeptValue,
  MillraceError,
} from "@millrace/model"
import { checkedMs, checkedName, checkFunction, checkKeys } from "../setting.ts"

/** How long a thing is kept. */
export interface KeepOptions {
  /**
   * A part (an entry, an item, the value) that has not been written for this long is gone.
   *
   * @default it stays until it is removed
   */
  readonly ttl?: Duration
  /** By which time: that of the records and their watermark, or the clock. @default "event" */
  readonly ttlBy?: "event" | "processing"
  /** What begins a part's life anew: writing it, or looking at it too. @default "write" */
  readonly refresh?: "write" | "read"
}

/** A declaration, made by `keepValue`, `keepList`, `keepMap`, `keepCounter` or `keepReduced`. */
export interface Keep<Handle> {
  readonly "~keep": { readonly kind: KeepPlan["kind"]; readonly options: KeepOptions; readonly reduce?: (before: never, value: never) => unknown }
  /** Never there: the type of what the process gets. */
  readonly "~handle"?: Handle
}

/** A side output of values of type `T`, made by `side`. */
export interface Side<T> {
  readonly "~side": true
  /** Never there: the type of its values. */
  readonly "~value"?: T
}

/** A single value. */
export function keepValue<V>(options: KeepOptions = {}): Keep<KeptValue<V>> {
  return declared("value", options)
}

/** Values in the order in which they were pushed, each stored by itself. */
export function keepList<V>(options: KeepOptions = {}): Keep<KeptList<V>> {
  return declared("list", options)
}

/** Values by a text or number of their own, each stored by itself. */
export function keepMap<K extends string | number, V>(options: KeepOptions = {}): Keep<KeptMap<K, V>> {
  return declared("map", options)
}

/** A number that counts. */
export function keepCounter(options: KeepOptions = {}): Keep<KeptCounter> {
  return declared("counter", options)
}

/** Values made one as they come: `reduce(before, value)`. */
export function keepReduced<V>(reduce: (before: V, value: V) => V, options: KeepOptions = {}): Keep<KeptReduced<V>> {
  checkFunction(reduce, "keepReduced")
  return Object.freeze({ "~keep": Object.freeze({ kind: "reducing" as const, options, reduce }) })
}

function declared<Handle>(kind: KeepPlan["kind"], options: KeepOptions): Keep<Handle> {
  return Object.freeze({ "~keep": Object.freeze({ kind, options }) })
}

/** A side output: values that a process gives beside its results, with `ctx.side(name, value)`. */
export function side<T>(): Side<T> {
  return Object.freeze({ "~side": true })
}

/** What a process gets of its declarations. */
export type HandlesOf<Keeps> = { readonly [N in keyof Keeps]: Keeps[N] extends Keep<infer Handle> ? Handle : never }

/** The values of side outputs. */
export type SidesOf<Sides> = { readonly [N in keyof Sides]: Sides[N] extends Side<infer T> ? T : never }

/** @throws MR1101 */
export function keepPlans(keeps: Readonly<Record<string, Keep<unknown>>>, what: string): readonly KeepPlan[] {
  return Object.entries(keeps).map(([name, keep]): KeepPlan => {
    checkedName(name, `${what}, keeps`)
    const of = `${what}, keeps.${name}`
    const made = (keep as Partial<Keep<unknown>> | undefined)?.["~keep"]
    if (made === undefined) {
      throw new MillraceError("MR1101", `${of}: expected keepValue(), keepList(), keepMap(), keepCounter() or keepReduced(…).`)
    }
    const { kind, options } = made
    checkKeys(options, ["ttl", "ttlBy", "refresh"], of)
    const { ttl, ttlBy = "event", refresh = "write" } = options
    if (ttlBy !== "event" && ttlBy !== "processing") throw new MillraceError("MR1101", `${of}, ttlBy: ${JSON.stringify(ttlBy)} is neither "event" nor "processing".`)
    if (refresh !== "write" && refresh !== "read") throw new MillraceError("MR1101", `${of}, refresh: ${JSON.stringify(refresh)} is neither "write" nor "read".`)
    return Object.freeze({ name, kind, ttlMs: ttl === undefined ? null : checkedMs(ttl, `${of}, ttl`, 1), ttlBy, refresh })
  })
}

/** @throws MR1101 */
export function sideNames(sides: Readonly<Record<string, Side<unknown>>>, what: string): readonly string[] {
  return Object.entries(sides).map(([name, given]) => {
    checkedName(name, `${what}, sides`)
    if ((given as Partial<Side<unknown>> | undefined)?.["~side"] !== true) throw new MillraceError("MR1101", `${what}, sides.${name}: expected side<…>().`)
    return name
  })
}

/** Custom operators with state by key, as definitions: over one flow, or over two. */
import type { ProcessContext } from "@millrace/model"
import type { Input, StatefulDefinition } from "../definition.ts"
import { checkFunction, checkKeys } from "../setting.ts"
import { type HandlesOf, type Keep, keepPlans, type Side, sideNames, type SidesOf } from "./keep.ts"

/** What custom operators share, whatever they read. */
export interface ProcessParts<State, OnTimer, Keeps, Sides> {
  /** The state of a key that has none yet. */
  readonly state: () => State
  /** Called once the watermark has reached a time given to `ctx.setTimer`; `ctx.time` is that time. */
  onTimer?(ctx: ProcessContext<State, HandlesOf<Keeps>, SidesOf<Sides>>): Iterable<OnTimer> | undefined | void
  /** Called once the clock has reached a time given to `ctx.setClockTimer`. */
  onClockTimer?(ctx: ProcessContext<State, HandlesOf<Keeps>, SidesOf<Sides>>): Iterable<OnTimer> | undefined | void
  /** What is kept by key besides the state, each part stored by itself: `{ seen: keepMap<string, number>({ ttl: "1h" }) }`. */
  readonly keeps?: Keeps
  /** Side outputs: `{ alarms: side<Alarm>() }`. They are flows under `sides` of the result. */
  readonly sides?: Sides
}

type Parts = ProcessParts<unknown, unknown, Readonly<Record<string, Keep<unknown>>>, Readonly<Record<string, Side<unknown>>>>

const parts = ["state", "onTimer", "onClockTimer", "keeps", "sides"]

/**
 * @param heard - the names of the functions that take records
 * @throws MR1101
 */
export function checkProcess(options: object, heard: readonly string[], what: string): void {
  checkKeys(options, [...heard, ...parts], what)
  for (const part of ["state", ...heard]) checkFunction((options as Record<string, unknown>)[part], `${what}, ${part}`)
  const { onTimer, onClockTimer } = options as Parts
  checkFunction(onTimer, `${what}, onTimer`, "optional")
  checkFunction(onClockTimer, `${what}, onClockTimer`, "optional")
}

/** @param onRecord - takes the records of all inputs */
export function processDefinition(
  name: string,
  inputs: readonly [Input, ...Input[]],
  given: object,
  onRecord: (value: never, ctx: never) => unknown,
  what: string,
): { readonly definition: StatefulDefinition; readonly sides: readonly string[] } {
  const options = given as Parts
  const keeps = options.keeps === undefined ? {} : { keeps: keepPlans(options.keeps, what) }
  const sides = options.sides === undefined ? {} : { sides: sideNames(options.sides, what) }
  const onTimer = options.onTimer?.bind(options)
  const onClockTimer = options.onClockTimer?.bind(options)
  const reducers: Record<string, (before: never, value: never) => unknown> = {}
  for (const [kept, { "~keep": declared }] of Object.entries(options.keeps ?? {})) {
    if (declared.reduce !== undefined) reducers[kept] = declared.reduce
  }
  const code = {
    kind: "process" as const,
    state: options.state,
    onRecord,
    ...(onTimer === undefined ? {} : { onTimer }),
    ...(onClockTimer === undefined ? {} : { onClockTimer }),
    ...(Object.keys(reducers).length === 0 ? {} : { reducers }),
  }
  const definition = { kind: "stateful", name, inputs: Object.freeze(inputs), shape: { kind: "process", ...keeps, ...sides }, code: Object.freeze(code) }
  return { definition: definition as StatefulDefinition, sides: Object.keys(options.sides ?? {}) }
}

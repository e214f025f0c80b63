/** Two keyed flows of different values on their way to one custom operator. */
import type { ProcessContext } from "@millrace/model"
import type { Origin } from "../definition.ts"
import { checkedName, checkFunction, checkKeys } from "../setting.ts"
import { Flow } from "./flow.ts"

/** A custom operator over two flows: one state by key for both. */
export interface ConnectedProcessOptions<T, U, State, OnLeft, OnRight, OnTimer> {
  /** The state of a key that has none yet. */
  readonly state: () => State
  /** Called for each record of the first flow. */
  onLeft(value: T, ctx: ProcessContext<State>): Iterable<OnLeft> | undefined | void
  /** Called for each record of the second flow. */
  onRight(value: U, ctx: ProcessContext<State>): Iterable<OnRight> | undefined | void
  /** Called once the watermark has reached a time given to `ctx.setTimer`. */
  onTimer?(ctx: ProcessContext<State>): Iterable<OnTimer> | undefined | void
}

export class Connected<T, U> {
  readonly #left: Origin
  readonly #right: Origin
  /** Never there: makes the compiler tell pairs of flows apart. */
  declare readonly "~values": readonly [T, U]

  constructor(left: Origin, right: Origin) {
    this.#left = left
    this.#right = right
  }

  /**
   * A custom operator with one state by key for the records of both flows, which come in no particular order.
   *
   * @param name - stable and unique within the service: the state is kept under it
   * @throws MR1101 for a name or option that is not valid
   */
  process<State, OnLeft = never, OnRight = never, OnTimer = never>(
    name: string,
    options: ConnectedProcessOptions<T, U, State, OnLeft, OnRight, OnTimer>,
  ): Flow<OnLeft | OnRight | OnTimer, "keyed"> {
    checkedName(name, "process")
    const what = `process ${JSON.stringify(name)}`
    checkKeys(options, ["state", "onLeft", "onRight", "onTimer"], what)
    for (const part of ["state", "onLeft", "onRight"] as const) checkFunction(options[part], `${what}, ${part}`)
    checkFunction(options.onTimer, `${what}, onTimer`, "optional")
    const { state } = options
    const onTimer = options.onTimer?.bind(options)
    const onRecord = ([side, value]: readonly [0 | 1, unknown], ctx: ProcessContext<State>): Iterable<unknown> | undefined | void =>
      side === 0 ? options.onLeft(value as T, ctx) : options.onRight(value as U, ctx)
    return new Flow({
      definition: Object.freeze({
        kind: "stateful",
        name,
        inputs: Object.freeze([Object.freeze({ from: this.#left }), Object.freeze({ from: this.#right })] as const),
        shape: Object.freeze({ kind: "process" }),
        code: Object.freeze({ kind: "process", state, onRecord, ...(onTimer === undefined ? {} : { onTimer }) }),
      }),
      port: "out",
    })
  }
}

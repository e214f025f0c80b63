/** Two keyed flows of different values on their way to one custom operator. */
import type { ProcessContext } from "@millrace/model"
import type { Origin } from "../definition.ts"
import { checkedName } from "../setting.ts"
import { Processed } from "./flow.ts"
import type { HandlesOf, Keep, Side, SidesOf } from "./keep.ts"
import { checkProcess, processDefinition, type ProcessParts } from "./process.ts"

/** A custom operator over two flows: one state by key for both. */
export interface ConnectedProcessOptions<
  T,
  U,
  State,
  OnLeft,
  OnRight,
  OnTimer,
  Keeps = Readonly<Record<never, Keep<unknown>>>,
  Sides = Readonly<Record<never, Side<unknown>>>,
> extends ProcessParts<State, OnTimer, Keeps, Sides> {
  /** Called for each record of the first flow. */
  onLeft(value: T, ctx: ProcessContext<State, HandlesOf<Keeps>, SidesOf<Sides>>): Iterable<OnLeft> | undefined | void
  /** Called for each record of the second flow. */
  onRight(value: U, ctx: ProcessContext<State, HandlesOf<Keeps>, SidesOf<Sides>>): Iterable<OnRight> | undefined | void
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
   * @example
   * ```ts
   * orders.connect(payments).process("open", {
   *   state: () => ({ open: 0 }),
   *   onLeft: (order, ctx) => void (ctx.state.open += order.amount),
   *   onRight: (payment, ctx) => void (ctx.state.open -= payment.amount),
   * })
   * ```
   */
  process<
    State,
    OnLeft = never,
    OnRight = never,
    OnTimer = never,
    Keeps extends Readonly<Record<string, Keep<unknown>>> = Readonly<Record<never, Keep<unknown>>>,
    Sides extends Readonly<Record<string, Side<unknown>>> = Readonly<Record<never, Side<unknown>>>,
  >(
    name: string,
    options: ConnectedProcessOptions<T, U, State, OnLeft, OnRight, OnTimer, Keeps, Sides>,
  ): Processed<OnLeft | OnRight | OnTimer, SidesOf<Sides>> {
    checkedName(name, "process")
    const what = `process ${JSON.stringify(name)}`
    checkProcess(options, ["onLeft", "onRight"], what)
    type Ctx = ProcessContext<State, HandlesOf<Keeps>, SidesOf<Sides>>
    const onRecord = ([side, value]: readonly [0 | 1, unknown], ctx: Ctx): Iterable<unknown> | undefined | void =>
      side === 0 ? options.onLeft(value as T, ctx) : options.onRight(value as U, ctx)
    const { definition, sides } = processDefinition(name, [{ from: this.#left }, { from: this.#right }], options, onRecord, what)
    return new Processed(definition, sides)
  }
}

/**
 * The calls of asynchronous functions that a worker's seats want made: made here, in the worker, as soon as they are offered. They need not
 * wait until their records are durable: a prefix of the journal is always consistent, and a call may be made again after a crash.
 *
 * Not here: timeouts and repeats, which are the machine's; order and results (core/engine/src/operators/async.ts).
 *
 * AC10  Who watches the worker can tell at any moment whose code runs, after an `await` too, so that a call that hangs or ends its thread
 *       is blamed and not its neighbours.
 * AC5  What comes of a call counts for the seat that wanted it, not for one that has taken its place.
 */
import { AsyncLocalStorage, createHook } from "node:async_hooks"
import { type Call, type CallOutcome, type Caller, type CancelledCall, asyncCodeOf, outcomeOf } from "@millrace/engine"
import { MillraceError, type Program } from "@millrace/model"
import { activity, type Seat } from "./messages.ts"

/** Who wants calls made. */
export interface Calling {
  readonly seat: Seat
  readonly number: number
  readonly program: Program
}

/** The clock of the node, as a worker knows it: what it was last told, and the time since. */
export class NodeClock {
  #told = 0
  #at = 0

  tell(now: number): void {
    this.#told = now
    this.#at = performance.now()
  }

  get now(): number {
    return this.#told + Math.floor(performance.now() - this.#at)
  }
}

/** A call under way, and how it is shown to who watches. */
interface Open {
  readonly calling: Calling
  readonly controller: AbortController
  readonly number: number
  /** Place of its operator in the stage. */
  readonly operator: number
  /** The operator's name. */
  readonly called: string
}

export class Enrichments<Owner extends Calling> {
  readonly #doing: Float64Array
  readonly #clock: NodeClock
  readonly #onEnded: (owner: Owner, operator: string, outcome: CallOutcome) => void
  readonly #open: Map<Owner, Map<string, Open>> = new Map()
  /** Functions that were opened, by service, stage and operator: what they remember is the worker's. */
  readonly #callers: Map<string, Caller> = new Map()
  /** Whose code runs. */
  readonly #current = new AsyncLocalStorage<Open>()
  #hooked = false
  /** Callbacks of calls that are inside of each other. */
  #depth = 0

  constructor(doing: Float64Array, clock: NodeClock, onEnded: (owner: Owner, operator: string, outcome: CallOutcome) => void) {
    this.#doing = doing
    this.#clock = clock
    this.#onEnded = onEnded
  }

  /** The operator whose code runs now; undefined: none of theirs. */
  get running(): string | undefined {
    return this.#current.getStore()?.called
  }

  /** Makes calls and calls others off. */
  take(owner: Owner, calls: readonly Call[], cancelled: readonly CancelledCall[]): void {
    if (calls.length === 0 && cancelled.length === 0) return
    const open = this.#open.get(owner) ?? new Map<string, Open>()
    this.#open.set(owner, open)
    for (const call of cancelled) {
      const name = nameOf(call)
      open.get(name)?.controller.abort(new MillraceError("MR1202", `operator "${call.operator}": the time for the call is over.`))
      open.delete(name)
    }
    for (const call of calls) this.#make(owner, open, call)
  }

  /** The seat is gone: nobody asks for its answers any more. */
  drop(owner: Owner): void {
    for (const { controller } of this.#open.get(owner)?.values() ?? []) {
      controller.abort(new MillraceError("MR1401", "The stage has gone to another worker."))
    }
    this.#open.delete(owner)
  }

  #make(owner: Owner, others: Map<string, Open>, call: Call): void {
    this.#watch()
    const { program, seat } = owner
    const { operator, number, attempt, key, time } = call
    const code = asyncCodeOf(program, seat.stage, operator)
    const callerName = `${seat.service}\n${seat.stage}\n${operator}`
    const place = program.operators.get(seat.stage)?.indexOf(code) ?? 0
    const controller = new AbortController()
    const open: Open = { calling: owner, controller, number, operator: place, called: operator }
    const name = nameOf(call)
    others.set(name, open)
    const ctx = { key, time, attempt, now: this.#clock.now, signal: controller.signal }
    // AC10: its first part runs right here.
    this.#enter(open)
    const outcome = this.#current.run(open, () => {
      let caller = this.#callers.get(callerName)
      if (caller === undefined) {
        caller = code.open() as Caller
        this.#callers.set(callerName, caller)
      }
      return outcomeOf(call, code, caller, ctx)
    })
    this.#leave()
    void outcome.then((ended) => {
      // AC5
      if (others.get(name) !== open || this.#open.get(owner) !== others) return
      others.delete(name)
      this.#onEnded(owner, operator, ended)
    })
  }

  /** AC10: from the first call on, as watching costs each promise of the worker a little. */
  #watch(): void {
    if (this.#hooked) return
    this.#hooked = true
    createHook({
      before: () => {
        const open = this.#current.getStore()
        if (open !== undefined) this.#enter(open)
      },
      after: () => {
        if (this.#current.getStore() !== undefined) this.#leave()
      },
    }).enable()
    // A promise that nobody waits for brings the worker down as it would without this, but with the name of its call.
    process.on("unhandledRejection", (reason) => {
      const open = this.#current.getStore()
      if (open !== undefined) this.#enter(open)
      throw reason
    })
  }

  #enter({ calling, number, operator }: Open): void {
    if (this.#depth++ > 0) return
    const doing = this.#doing
    doing[activity.cursor] = number
    doing[activity.operator] = operator
    doing[activity.job] = calling.number
    doing[activity.kind] = activity.call
  }

  #leave(): void {
    if (--this.#depth === 0) this.#doing[activity.kind] = activity.idle
  }
}

function nameOf({ operator, number, attempt }: CancelledCall): string {
  return `${operator}\n${number}\n${attempt}`
}

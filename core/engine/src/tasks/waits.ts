/**
 * Who waits for whom: runs whose code awaits the end of other runs. A run that waits holds its slot of its task's `concurrency`; where all
 * that could free a slot wait for one, none of them would ever go on. The call that would close such a circle is found here.
 *
 * Not for: how deep calls lead (input.ts), what code waits for outside of tasks.
 *
 * It takes a run to wait for all that it has asked for, and knows of those only that run in this process.
 */
import { MillraceError, type TaskPlan } from "@millrace/model"

/** A run that has been called, and under which lease. */
export interface WaitingRun {
  readonly id: string
  readonly task: string
  readonly key: string
  readonly lease: number
}

/** A run whose end is awaited. */
export interface AwaitedRun {
  readonly id: string
  readonly task: string
  /** Undefined: it does not count. */
  readonly key: string | undefined
}

interface Waiter {
  readonly run: WaitingRun
  readonly awaited: Map<string, AwaitedRun>
}

export class Waits {
  readonly #planOf: (task: string) => TaskPlan | undefined
  /** By the id of the run that waits. */
  readonly #waiters: Map<string, Waiter> = new Map()

  constructor(planOf: (task: string) => TaskPlan | undefined) {
    this.#planOf = planOf
  }

  /** Whether nobody waits. */
  get isEmpty(): boolean {
    return this.#waiters.size === 0
  }

  /** From now on one waits for another. @throws MR1211 when neither it nor what it waits for could ever go on: then it does not */
  begin(run: WaitingRun, awaited: AwaitedRun): void {
    const waiter = this.#waiters.get(run.id)
    const own = waiter?.run.lease === run.lease ? waiter : { run, awaited: new Map<string, AwaitedRun>() }
    this.#waiters.set(run.id, own)
    own.awaited.set(awaited.id, awaited)
    // Where there is a place though all that wait never went on, it starts: whoever waits for it is as free as before.
    if (!this.#waiters.has(awaited.id) && this.#hasPlace(awaited, this.#waiters.values())) return
    if (!this.#stuck().has(own)) return
    const chain = this.#chain(own, awaited)
    this.end(run, awaited.id)
    const { concurrency, concurrencyPerKey } = this.#planOf(awaited.task) ?? {}
    const slots = `its concurrency is ${concurrency}${concurrencyPerKey === null || concurrencyPerKey === undefined ? "" : `, ${concurrencyPerKey} of a key`}`
    const message =
      `task "${awaited.task}": the run that was called would never start: all places for it (${slots}) are held by runs that wait for each other, ` +
      `${chain.join(" → ")}. Call it with send, without waiting for it, or give the task more concurrency than calls of it wait within each other.`
    throw new MillraceError("MR1211", message, { task: awaited.task, chain })
  }

  /** One waits for another no more. */
  end({ id, lease }: WaitingRun, awaited: string): void {
    const waiter = this.#waiters.get(id)
    if (waiter?.run.lease !== lease) return
    waiter.awaited.delete(awaited)
    if (waiter.awaited.size === 0) this.#waiters.delete(id)
  }

  /** A run's attempt is over: it waits for nobody. */
  over(id: string): void {
    this.#waiters.delete(id)
  }

  /** As `over`, by the lease. */
  aborted(task: string, lease: number): void {
    for (const [id, { run }] of this.#waiters) if (run.task === task && run.lease === lease) this.#waiters.delete(id)
  }

  /** A run has ended: nobody waits for it any more. */
  ended(id: string): void {
    for (const { run, awaited } of this.#waiters.values()) if (awaited.has(id)) this.end(run, id)
  }

  /** Those that never go on: of all that wait, without those that wait for a run that runs, or that has a place to start in, again and again. */
  #stuck(): ReadonlySet<Waiter> {
    const stuck = new Set(this.#waiters.values())
    for (let before = -1; before !== stuck.size; ) {
      before = stuck.size
      for (const waiter of stuck) {
        if ([...waiter.awaited.values()].every((each) => this.#goesOn(each, stuck))) stuck.delete(waiter)
      }
    }
    return stuck
  }

  #goesOn(awaited: AwaitedRun, stuck: ReadonlySet<Waiter>): boolean {
    const itself = this.#waiters.get(awaited.id)
    return itself === undefined ? this.#hasPlace(awaited, stuck) : !stuck.has(itself)
  }

  /** Whether there is a place for a run beside those of its task that hold theirs. */
  #hasPlace({ task, key }: AwaitedRun, holders: Iterable<Waiter>): boolean {
    const plan = this.#planOf(task)
    if (plan === undefined) return true
    let all = 0
    let ofKey = 0
    for (const { run } of holders) {
      if (run.task !== task) continue
      all++
      if (run.key === key) ofKey++
    }
    return all < plan.concurrency && (plan.concurrencyPerKey === null || key === undefined || key === "" || ofKey < plan.concurrencyPerKey)
  }

  /** From a run that is stuck along what it waits for, until one that waits for nobody, or is there already. */
  #chain({ run }: Waiter, awaited: AwaitedRun): readonly string[] {
    const chain = [run.id]
    for (let next: AwaitedRun | undefined = awaited; next !== undefined && chain.length < chainMax; ) {
      const again = chain.includes(next.id)
      chain.push(next.id)
      if (again) break
      const waiter: Waiter | undefined = this.#waiters.get(next.id)
      next = waiter === undefined ? this.#holderOf(next, chain) : waiter.awaited.values().next().value
    }
    return chain
  }

  /** One that holds a place that a run waits for. */
  #holderOf({ task }: AwaitedRun, chain: readonly string[]): AwaitedRun | undefined {
    for (const { run } of this.#waiters.values()) if (run.task === task && !chain.includes(run.id)) return run
    return undefined
  }
}

/** So many runs of a chain are told. */
const chainMax = 20

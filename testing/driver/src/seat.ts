/**
 * One stage and partition at work: the production engine's machine, and the input that it has in hand. What it has in
 * hand was decoded once and is lost in a crash; the log has it.
 */
import type { Batch, StageBounds, Store, Transaction } from "@millrace/engine"
import { Again, StageMachine, decodeBlock } from "@millrace/engine/machine"
import type { Program, StagePlan, StreamPlan } from "@millrace/model"
import type { Cut } from "./order.ts"

/** Bytes that are read from the log at once. */
const readBytes = 1024 * 1024

/** Input decoded and not yet taken: entries from `taken` on. */
interface InHand {
  readonly whole: Batch
  readonly block: Uint8Array
  readonly blockBase: number
  taken: number
}

/** Which stage and partition, of what. */
export interface Place {
  readonly program: Program
  readonly store: Store
  readonly stage: StagePlan
  readonly input: StreamPlan
  readonly partition: number
}

export class Seat {
  readonly stage: StagePlan
  readonly partition: number
  readonly input: StreamPlan
  readonly program: Program
  readonly #store: Store
  readonly #bounds: StageBounds
  #machine: StageMachine
  #inHand: InHand[] = []
  /** Batches that a transaction has not got to the end of. */
  #waiting: readonly Batch[] = []
  /** Transactions of this machine. */
  #done = 0

  constructor(place: Place, bounds: StageBounds, now: number) {
    const { program, store, stage, input, partition } = place
    this.program = program
    this.#store = store
    this.stage = stage
    this.input = input
    this.partition = partition
    this.#bounds = bounds
    this.#machine = this.#open(now)
  }

  get service(): string {
    return this.program.plan.service
  }

  get machine(): StageMachine {
    return this.#machine
  }

  /** Whether it has input that it can take: not while it waits for calls to end. */
  get isBehind(): boolean {
    return this.hasInput && !this.#machine.held
  }

  /** Whether there is input that it has not consumed. */
  get hasInput(): boolean {
    return this.#machine.consumed < this.#store.extent(this.input.name, this.partition).next
  }

  /** One transaction of the next batches, as far as there is input; of those in hand, if the last one ended early (T21). */
  async take(cut: Cut, now: number): Promise<Transaction> {
    const batches = this.#waiting.length > 0 ? this.#waiting : await this.#batches(cut)
    this.#done++
    const transaction = this.#machine.apply(batches, now)
    this.#waiting = batches.filter(({ base, count }) => base + count > transaction.consumed)
    return transaction
  }

  /** What an operator had done elsewhere has ended. */
  complete(operator: string, outcomes: readonly unknown[], now: number): Transaction {
    this.#done++
    return this.#machine.complete(operator, outcomes, now)
  }

  tick(now: number): Transaction | undefined {
    // In the midst of its input it is neither idle nor at the end of a step.
    if (this.#waiting.length > 0 && !this.#machine.held) return undefined
    const transaction = this.#machine.tick(now)
    if (transaction !== undefined) this.#done++
    return transaction
  }

  /** The store has taken up every transaction so far. */
  onFolded(): void {
    this.#machine.onFolded(this.#done)
  }

  /** Forgets all and starts again from what the store holds. */
  restart(now: number): void {
    this.#inHand = []
    this.#waiting = []
    this.#done = 0
    this.#machine.close()
    this.#machine = this.#open(now)
  }

  #open(now: number): StageMachine {
    const { state } = this.#store
    return new StageMachine(this.program, this.stage.id, this.partition, state, now, undefined, this.#bounds)
  }

  async #batches(cut: Cut): Promise<readonly Batch[]> {
    const batches: Batch[] = []
    for (const size of cut) {
      // As much as there is may lie in several blocks.
      for (let wanted = size; wanted > 0; ) {
        if (this.#inHand.length === 0) await this.#read(batches)
        const [first] = this.#inHand
        if (first === undefined) return batches
        const batch = this.#part(first, wanted)
        batches.push(batch)
        first.taken += batch.count
        wanted = size === Number.POSITIVE_INFINITY ? size : 0
        if (first.taken === first.whole.count) this.#inHand.shift()
      }
    }
    return batches
  }

  async #read(before: readonly Batch[]): Promise<void> {
    const last = before.at(-1)
    const from = last === undefined ? this.#machine.consumed : last.base + last.count
    const code = this.program.streams.get(this.input.name)
    for (const { base, block } of await this.#store.read(this.input.name, this.partition, from, readBytes)) {
      const whole = decodeBlock(block, base, Math.max(0, from - base), this.input, code)
      this.#inHand.push({ whole, block, blockBase: base, taken: 0 })
    }
  }

  #part({ whole, block, blockBase, taken }: InHand, wanted: number): Batch {
    const { kinds, values, keys, times, upstreams, bytes } = whole
    const base = whole.base + taken
    const end = Math.min(whole.count, taken + wanted)
    return {
      base,
      count: end - taken,
      kinds: kinds?.slice(taken, end),
      values: values.slice(taken, end),
      keys: keys.slice(taken, end),
      times: times.slice(taken, end),
      upstreams: upstreams?.slice(taken, end),
      bytes,
      again: new Again(block, base - blockBase, this.input, this.program.streams.get(this.input.name)),
    }
  }
}

/**
 * The machine of one stage and partition: takes a batch of input and returns one transaction. Deterministic: the same
 * batches at the same clock times give the same transactions, and how the input was cut into batches changes neither results nor
 * lateness.
 *
 * T1  A transaction holds all effects of the entries it consumed and none of others.
 * T2  A record whose processing throws leaves nothing behind but its dead letter; its neighbours are untouched.
 * T3  The watermark advances record by record; what is due acts before the next record is looked at.
 * T4  Timers and windows act in the order of their times; at one time, upstream operators first.
 * T22 A store that cannot be read is no record's fault: nothing is committed, nothing becomes a dead letter.
 * T21 A transaction that grows too large ends early and the next goes on where it ended: how it was cut does not show.
 *
 * A batch runs without copies per record; only when something throws is it undone and run again record by record, on
 * values decoded once more: user code may have changed those that it was given.
 */
import { type Program, type StagePlan, StateChangesWriter, type TraceFields, entryKind, limits } from "@millrace/model"
import { Attempts, noPoison } from "./attempts.ts"
import { type Batch, type Fault, type Poison, undecodable } from "./batch.ts"
import type { Call, CancelledCall } from "./calls/call.ts"
import { MergedClock, type MergedTimes, SourceClock } from "./clock.ts"
import type { Push, StageContext } from "./context.ts"
import { type Chain, chain } from "./operators/index.ts"
import { Outputs } from "./outputs.ts"
import type { StateReader } from "./ports/store.ts"
import { type Progress, stageScope, storedProgress } from "./stage-progress.ts"
import { KeyedState } from "./state.ts"
import { StepWatch } from "./step-watch.ts"
import { Steps } from "./steps.ts"
import type { StageBounds, Transaction } from "./transaction.ts"
import type { View } from "./view.ts"
import { assertKnown } from "./reshard/keyed-scopes.ts"
import { SureReader } from "./state/sure-reader.ts"

export class StageMachine {
  readonly #stage: StagePlan
  readonly #scope: string
  readonly #context: StageContext
  readonly #chain: Chain
  readonly #outputs = new Outputs()
  readonly #changes = new StateChangesWriter()
  readonly #source: SourceClock | undefined
  readonly #merged: MergedClock | undefined
  readonly #idleMs: number
  /**
   * Where the offset of the record in hand is shown, how many steps have been done of what watermarks make due, and, when that has brought
   * a worker down, which step is in hand: who watches can tell a record that hangs from one that has much to do.
   */
  readonly #cursor: Float64Array
  #consumed: number
  #lastInput: number
  #resting: boolean
  #ended: boolean
  readonly #steps: Steps
  readonly #attempts: Attempts
  readonly #bounds: StageBounds
  #transactionBytes: number = limits.transactionBytes
  #records = 0
  /** What is worked on; undefined: nothing, as while the clock is heard. */
  #batch: Batch | undefined

  /**
   * @param now - the clock, in ms
   * @param cursor - gets the offset of each record before it is processed, beside it counts the steps that no record of its own brings about, and
   *   then gets the name of the step in hand where the partition is watched (step-watch.ts)
   */
  constructor(
    program: Program,
    stageId: string,
    partition: number,
    reader: StateReader,
    now: number,
    cursor?: Float64Array,
    bounds: StageBounds = {},
  ) {
    const { plan } = program
    const stage = plan.stages.find(({ id }) => id === stageId)
    const input = plan.streams.find(({ name }) => name === stage?.input)
    if (stage === undefined || input === undefined) throw new Error(`plan of ${plan.service}: stage ${stageId} is missing`)
    this.#stage = stage
    this.#scope = stageScope(plan.service, stageId)
    this.#cursor = cursor ?? new Float64Array(3)
    const stored = storedProgress(new SureReader(reader), this.#scope, partition)
    this.#consumed = stored?.consumed ?? 0
    this.#lastInput = Math.max(stored?.lastInput ?? now, bounds.openSince ?? Number.NEGATIVE_INFINITY)
    this.#resting = stored?.resting ?? false
    this.#ended = stored?.ended ?? false
    this.#idleMs = input.idleMs
    const watermark = stored?.watermark ?? Number.NEGATIVE_INFINITY
    if (input.upstreams > 0) this.#merged = new MergedClock(input.upstreams, input.idleMs, mergedTimes(stored, watermark))
    else this.#source = new SourceClock(input.outOfOrderMs, stored?.highest ?? Number.NEGATIVE_INFINITY)
    this.#bounds = bounds
    const outputs = this.#outputs
    const memory = plan.tasks.some(({ commands }) => commands === stageId) ? bounds.memory?.ofTasks : bounds.memory
    this.#context = {
      program,
      plan,
      stage,
      partition,
      state: new KeyedState(reader, partition, memory),
      outputs,
      at: { key: "", time: 0 },
      watermark,
      step: Number.NEGATIVE_INFINITY,
      reachedBy: (operator) => this.#steps.reachedBy(operator),
      due: Number.POSITIVE_INFINITY,
      now,
      effects: [],
      late: new Map(),
      offset: () => this.#cursor[0] as number,
      trace: () => this.#trace(),
      cron: bounds.cron ?? (() => undefined),
      holds: new Set(),
      spent: () => outputs.bytes + this.#context.state.changedBytes >= this.#transactionBytes,
      full: () => this.#context.holds.size > 0 || outputs.bytes + this.#context.state.changedBytes >= this.#transactionBytes,
      deadLetter: (cause, offset) => this.#attempts.deadLetter(cause, offset),
      guard: (operator, value, key, time, run) => this.#attempts.guard(operator, value, key, time, run),
    }
    this.#steps = new Steps(this.#context, stored?.step)
    this.#attempts = new Attempts(this.#context, outputs, this.#cursor, (after) => this.#reload(after))
    if (bounds.watched !== undefined) this.#attempts.watch = new StepWatch(this.#cursor, bounds.watched)
    this.#chain = chain(program.operators.get(stageId) ?? [], this.#context)
    this.#steps.timed = this.#chain.timed
    assertKnown(plan, stage, this.#context.state.names)
    this.#steps.settle()
  }

  /** Offset of the next entry to consume. */
  get consumed(): number {
    return this.#consumed
  }

  get watermark(): number {
    return this.#context.watermark
  }

  /** Whether the input has ended and all windows are closed. */
  get ended(): boolean {
    return this.#ended
  }

  /** Whether the stage takes no input until calls have ended: `apply` does nothing then. */
  get held(): boolean {
    return this.#context.holds.size > 0
  }

  /** Records that wait for the results of calls. */
  get pending(): number {
    let pending = 0
    for (const operator of this.#chain.calling) pending += operator.pending
    return pending
  }

  /** Keys of state in memory. */
  get keys(): number {
    return this.#context.state.size
  }

  /** Whether the state in memory takes more than it may, until the store has taken up more of it. */
  get isOverMemory(): boolean {
    return this.#context.state.memory.isOver
  }

  /** The store's state has taken up the first so many transactions of this machine. */
  onFolded(transactions: number): void {
    this.#context.state.onFolded(transactions)
  }

  /** Lets go of the state in memory: another machine takes over. */
  close(): void {
    this.#context.state.close()
  }

  /** What an operator shows of what it keeps; undefined: there is no such operator here, or it shows nothing. */
  view(operator: string): View | undefined {
    return this.#chain.views.get(operator)
  }

  /**
   * What was done elsewhere for an operator has come to an end: calls of a task.
   *
   * @param now - the clock, in ms
   */
  complete(operator: string, outcomes: readonly unknown[], now: number): Transaction {
    const complete = this.#chain.completing.get(operator)
    if (complete === undefined) throw new BrokenInvariant(`stage ${this.#stage.id}: operator ${operator} completes nothing`)
    this.#context.now = now
    this.#transactionBytes = this.#bounds.transactionBytes ?? limits.transactionBytes
    this.#context.state.savepoint()
    complete(outcomes)
    return this.#commit()
  }

  /** Asks an operator about what it keeps; reads only. */
  ask(operator: string, question: unknown): unknown {
    return this.#chain.views.get(operator)?.answer?.(question)
  }

  /** Clock time at which `tick` has something to do, in ms. */
  get tickAt(): number {
    let at = this.#restsAt
    const { held } = this
    if (!held && this.#merged !== undefined) at = Math.min(at, this.#merged.heldUntil)
    for (const { operator } of this.#chain.timed) {
      if (!held || operator.ticksWhileHeld === true) at = Math.min(at, operator.dueByClock)
    }
    return at
  }

  /**
   * Processes consecutive batches as one transaction. Entries before `consumed` are skipped: they are done. A transaction that
   * grows too large ends early, perhaps in the midst of what one entry has made due: give the same batches again until
   * `consumed` is behind them all (T21).
   *
   * @param now - the clock, in ms
   */
  apply(batches: readonly Batch[], now: number, poison?: Poison): Transaction {
    const context = this.#context
    context.now = now
    this.#transactionBytes = this.#bounds.transactionBytes ?? limits.transactionBytes
    const undo = context.state.savepoint()
    if (this.held) return this.#commit()
    const before = this.#progress()
    if (this.#merged?.heldLongEnough(now)) this.#merged.release()
    if (poison === undefined || poison.size === 0) {
      try {
        for (const batch of batches) if (!this.#run(batch, this.#skip(batch))) break
        return this.#commit()
      } catch (thrown) {
        if (thrown instanceof BrokenInvariant) throw thrown
        context.state.assertRead()
        this.#restore(before, undo)
      }
    }
    this.#attempts.careful = poison ?? noPoison
    try {
      for (const batch of batches) if (!this.#runCarefully(batch, this.#skip(batch), this.#attempts.careful)) break
    } finally {
      this.#attempts.careful = undefined
    }
    return this.#commit()
  }

  /** Entries of a batch that are done already; the batch counts as consumed from here on. */
  #skip(batch: Batch): number {
    const skip = this.#consumed - batch.base
    if (skip < 0) {
      throw new BrokenInvariant(`stage ${this.#stage.id}: a batch begins at ${batch.base}, but ${this.#consumed} is next`)
    }
    if (skip >= batch.count) return batch.count
    this.#consumed = batch.base + batch.count
    this.#batch = batch
    this.#lastInput = this.#context.now
    this.#resting = false
    return skip
  }

  /**
   * Does what the clock makes due; undefined when nothing was.
   *
   * @param waits - whether input lies in the log that the stage has not taken: then the partition is behind, not idle
   */
  tick(now: number, waits = false): Transaction | undefined {
    if (waits) this.#lastInput = now
    if (now < this.tickAt) return undefined
    this.#context.now = now
    this.#transactionBytes = this.#bounds.transactionBytes ?? limits.transactionBytes
    const undo = this.#context.state.savepoint()
    const before = this.#progress()
    try {
      this.#tick(now)
      return this.#commit()
    } catch (thrown) {
      if (thrown instanceof BrokenInvariant) throw thrown
      this.#context.state.assertRead()
      this.#restore(before, undo)
      this.#resting = before.resting
    }
    // T2: what the clock makes due is guarded one by one.
    this.#attempts.careful = noPoison
    try {
      this.#tick(now)
    } finally {
      this.#attempts.careful = undefined
    }
    return this.#commit()
  }

  /**
   * The partition takes no more input and others go on with its keys: does all that is due up to a watermark (the later one, where
   * two partitions become one) and by the clock, and decides open files.
   *
   * @returns whether that was all; else seal again, once no record waits for the result of a call
   */
  seal(watermark: number, now: number): { readonly transaction: Transaction; readonly isSealed: boolean } {
    this.#context.now = now
    this.#transactionBytes = this.#bounds.transactionBytes ?? limits.transactionBytes
    const undo = this.#context.state.savepoint()
    const before = this.#progress()
    try {
      const isSealed = this.#seal(watermark, now)
      return { transaction: this.#commit(), isSealed }
    } catch (thrown) {
      if (thrown instanceof BrokenInvariant) throw thrown
      this.#context.state.assertRead()
      this.#restore(before, undo)
    }
    this.#attempts.careful = noPoison
    try {
      const isSealed = this.#seal(watermark, now)
      return { transaction: this.#commit(), isSealed }
    } finally {
      this.#attempts.careful = undefined
    }
  }

  #seal(watermark: number, now: number): boolean {
    if (this.#source === undefined) throw new BrokenInvariant(`stage ${this.#stage.id}: only a source's partition is sealed`)
    if (this.held || !this.#reach(watermark)) return false
    this.#source.highest = Math.max(this.#source.highest, watermark + this.#source.outOfOrderMs)
    const { timed } = this.#chain
    for (const { operator } of timed) operator.tick(now)
    if (this.pending > 0 || timed.some(({ operator }) => operator.dueByClock <= now)) return false
    for (const { operator } of timed) operator.seal?.()
    return true
  }

  #tick(now: number): void {
    const { held } = this
    if (!held && this.#merged?.heldLongEnough(now)) {
      this.#merged.release()
      // What it makes due goes on with the next tick, or before the next entry.
      if (!this.#catchUp(this.#merged)) return
    }
    for (const { operator } of this.#chain.timed) if (!held || operator.ticksWhileHeld === true) operator.tick(now)
    if (this.#chain.timed.every(({ operator }) => operator.dueByClock > now)) this.#attempts.watch?.onTicked()
    if (now < this.#restsAt) return
    this.#resting = true
    for (const { operator } of this.#chain.timed) operator.rest?.()
    for (const target of this.#chain.targets) target.rest()
  }

  /** The fast way: no copies, no checks per record. A throw anywhere ends it. False: the transaction ends within the batch. */
  #run(batch: Batch, from: number): boolean {
    const { kinds, values, keys, times, base, count } = batch
    const { push } = this.#chain
    const cursor = this.#cursor
    const context = this.#context
    if (kinds !== undefined || this.#source === undefined) {
      for (let i = from; i < count; i++) {
        if (!this.#entry(batch, i, push)) return this.#stop(base + i)
        if (context.full()) return this.#stop(base + i + 1)
      }
      return true
    }
    const clock = this.#source
    const { outOfOrderMs } = clock
    const { holds } = context
    for (let i = from; i < count; i++) {
      const time = times[i] as number
      cursor[0] = base + i
      if (time > clock.highest) {
        const watermark = time - outOfOrderMs
        if (watermark > context.watermark) {
          if (watermark >= context.due && !this.#steps.advance(watermark)) {
            this.#records += i - from
            return this.#stop(base + i)
          }
          context.watermark = watermark
        }
        clock.highest = time
      }
      push(values[i], keys[i] as string, time)
      if (holds.size > 0 || ((i & 15) === 15 && context.full())) {
        this.#records += i + 1 - from
        return this.#stop(base + i + 1)
      }
    }
    this.#records += count - from
    return true
  }

  /** Of the record in hand, or none. */
  #trace(): TraceFields {
    const batch = this.#batch
    if (batch === undefined || this.#context.step > Number.NEGATIVE_INFINITY) return {}
    return batch.again?.trace((this.#cursor[0] as number) - batch.base) ?? {}
  }

  /** The transaction ends before an entry that has not been looked at, or that is still making things due. */
  #stop(offset: number): false {
    this.#consumed = offset
    return false
  }

  /** One entry of any kind. False: what it makes due is not all done; the entry is to be looked at again. */
  #entry(batch: Batch, i: number, push: Push): boolean {
    const kind = batch.kinds?.[i] ?? entryKind.record
    const time = batch.times[i] as number
    this.#attempts.offset = batch.base + i
    this.#cursor[0] = this.#attempts.offset
    if (this.#merged?.heldUntil === Number.NEGATIVE_INFINITY && !this.#catchUp(this.#merged)) return false
    if ((kind === entryKind.record || kind === undecodable) && this.#source !== undefined && time > this.#source.highest) {
      if (!this.#reach(time - this.#source.outOfOrderMs)) return false
      this.#source.highest = time
    }
    if (kind === entryKind.record) {
      this.#records++
      push(batch.values[i], batch.keys[i] as string, time)
    } else if (kind === undecodable) {
      this.#records++
      const fault = batch.values[i] as Fault
      this.#attempts.deadLetter({ value: fault.raw, key: batch.keys[i] as string, time, operator: "decode", error: fault, attempts: 1 })
    } else if (kind === entryKind.idle) {
      if (this.#merged !== undefined) return this.#reach(this.#merged.rest(batch.upstreams?.[i] ?? 0, this.#context.now))
    } else if (this.#merged === undefined) return this.#reach(time)
    else {
      this.#merged.mark(batch.upstreams?.[i] ?? 0, time, this.#context.now)
      return this.#catchUp(this.#merged)
    }
    return true
  }

  /** W50. False: not all that has become due is done. */
  #catchUp(merged: MergedClock): boolean {
    if (!this.#reach(merged.watermark)) return false
    merged.done()
    return true
  }

  /** T2. The slow way: each record can be undone alone. */
  #runCarefully(batch: Batch, from: number, poison: Poison): boolean {
    const { push } = this.#chain
    const { again } = batch
    const guarded: Push = (value, key, time) => {
      const i = this.#attempts.offset - batch.base
      const valueOf = again === undefined ? () => value : () => again.value(i)
      const poisoned = poison.get(this.#attempts.offset)
      if (poisoned === undefined) this.#attempts.attempt(valueOf, key, time, push, undefined)
      else this.#attempts.deadLetter({ value, key, time, operator: this.#stage.id, ...poisoned })
    }
    for (let i = from; i < batch.count; i++) {
      if (!this.#entry(batch, i, guarded)) return this.#stop(batch.base + i)
      if (this.#context.full()) return this.#stop(batch.base + i + 1)
    }
    return true
  }

  /** False: the transaction is full before all that is due has been done. */
  #reach(watermark: number): boolean {
    const context = this.#context
    // W3
    if (!(watermark > context.watermark)) return true
    if (watermark >= context.due && !this.#steps.advance(watermark)) return false
    context.watermark = watermark
    if (watermark === Number.POSITIVE_INFINITY && !this.#ended) {
      this.#ended = true
      for (const { operator } of this.#chain.timed) operator.end()
    }
    return true
  }

  /** After a rollback; only operators after the named one when it is itself at work. */
  #reload(after: string | undefined): void {
    let reached = after === undefined
    for (const { name, operator } of this.#chain.timed) {
      if (reached) operator.reload()
      if (name === after) reached = true
    }
    for (const target of this.#chain.targets) target.forget()
    this.#steps.settle()
  }

  get #restsAt(): number {
    const tells = this.#chain.targets.some(({ stream }) => stream.upstreams > 0)
    // What waits for its result is still to come.
    return tells && !this.#resting && !this.#ended && this.pending === 0 ? this.#lastInput + this.#idleMs : Number.POSITIVE_INFINITY
  }

  #progress(): Progress {
    return {
      consumed: this.#consumed,
      highest: this.#source?.highest ?? Number.NEGATIVE_INFINITY,
      watermark: this.#context.watermark,
      marks: this.#merged === undefined ? [] : [...this.#merged.marks],
      idle: this.#merged?.idle ?? [],
      heldUntil: this.#merged?.heldUntil ?? Number.POSITIVE_INFINITY,
      heardAt: this.#merged?.heardAt ?? Number.NEGATIVE_INFINITY,
      backAt: this.#merged?.backAt ?? Number.NEGATIVE_INFINITY,
      lastInput: this.#lastInput,
      resting: this.#resting,
      ended: this.#ended,
      step: this.#steps.step,
    }
  }

  #restore(progress: Progress, undo: number): void {
    const context = this.#context
    this.#consumed = progress.consumed
    context.state.rollback(undo)
    // Not take(): a block may hold half a record and count none.
    this.#outputs.clear()
    // What a refused value left of the changes.
    this.#changes.take()
    context.effects.length = 0
    context.late.clear()
    context.watermark = progress.watermark
    context.step = Number.NEGATIVE_INFINITY
    if (this.#source !== undefined) this.#source.highest = progress.highest
    this.#merged?.restore(mergedTimes(progress, progress.watermark))
    this.#ended = progress.ended
    this.#steps.step = progress.step
    this.#records = 0
    this.#attempts.deadLetters = 0
    this.#reload(undefined)
  }

  #commit(): Transaction {
    this.#batch = undefined
    if (this.#attempts.watch?.isOver(this.#consumed) === true) this.#attempts.watch = undefined
    const context = this.#context
    // T22: user code may have caught it.
    context.state.assertRead()
    const calls: Call[] = []
    const cancelled: CancelledCall[] = []
    for (const operator of this.#chain.calling) operator.offer(calls, cancelled)
    // A resting stage stays silent: a mark would say that it is back.
    if (!this.#resting) for (const target of this.#chain.targets) target.tell()
    context.state.writeChanges(this.#changes)
    this.#changes.beginBucket(this.#scope, context.partition, 0, false)
    this.#changes.value("progress", this.#progress())
    this.#changes.endBucket()
    const transaction: Transaction = {
      consumed: this.#consumed,
      watermark: context.watermark,
      ended: this.#ended,
      appends: this.#outputs.take(),
      state: this.#changes.take(),
      effects: [...context.effects],
      records: this.#records,
      deadLetters: this.#attempts.deadLetters,
      late: new Map(context.late),
      tickAt: this.tickAt,
      calls,
      cancelled,
      pending: this.pending,
      held: this.held,
    }
    context.effects.length = 0
    context.late.clear()
    this.#records = 0
    this.#attempts.deadLetters = 0
    return transaction
  }
}

/** The machine was driven wrongly: no user code is to blame and nothing may go on. */
class BrokenInvariant extends Error {}

function mergedTimes(stored: Progress | undefined, watermark: number): MergedTimes {
  const never = Number.NEGATIVE_INFINITY
  const { marks = [], idle = [], heldUntil = Number.POSITIVE_INFINITY, heardAt = never, backAt = never } = stored ?? {}
  return { marks, idle, watermark, heldUntil, heardAt, backAt }
}

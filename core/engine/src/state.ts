/**
 * Keyed state of one stage and partition: what operators remember, by scope, bucket and key, in memory and read through from
 * the store.
 *
 * S1  A transaction's changes are all kept or all undone: `rollback` gives every value back as it was at `savepoint`.
 * S2  A value is copied before its first change after a savepoint, so operators may change it in place.
 * S3  What `writeChanges` writes, applied to the store, gives the state in memory.
 *
 * Not here: when to commit (stage.ts), how bytes reach the disk (the store).
 */
import type { StateChangesWriter } from "@millrace/model"
import type { StateReader } from "./ports/store.ts"
import { StateMemory } from "./state/memory.ts"
import { Scope, type StateCodec, type Transactions } from "./state/scope.ts"
import { absent, type Undo } from "./state/undo.ts"

export type { Bucket } from "./state/bucket.ts"
export { compareKeys } from "./state/key-order.ts"
export { keyOfRow, rowByKey, rowKey, rowNumber, rowOf, rowTime, rowsEnd } from "./state/row.ts"
export type { Scope, StateCodec } from "./state/scope.ts"
import { SureReader } from "./state/sure-reader.ts"

/** All scopes of a stage and partition, with one transaction over them. */
export class KeyedState implements Transactions {
  readonly #reader: SureReader
  readonly #partition: number
  readonly memory: StateMemory
  readonly #scopes: Scope<unknown>[] = []
  readonly #undo: Undo[] = []
  /** Number of the newest savepoint; a cell with another number has not been copied since. */
  epoch = 1
  /** Number of the open transaction. */
  transaction = 1
  /** Number of the newest transaction whose changes the store can be asked for. */
  folded = 0
  /** Bytes of what this transaction has changed, by estimate. */
  changedBytes = 0

  /** @param memory - shared by all stages and partitions of a thread; without one, all that was read stays */
  constructor(reader: StateReader, partition: number, memory?: StateMemory) {
    this.#reader = new SureReader(reader)
    this.#partition = partition
    this.memory = memory ?? new StateMemory(Number.POSITIVE_INFINITY)
    this.memory.join(this)
  }

  /** Names of the scopes that there are. */
  get names(): readonly string[] {
    return this.#scopes.map(({ name }) => name)
  }

  /** Throws when the store could not be read at some time: what came of it must not be committed. @throws StateFault */
  assertRead(): void {
    if (this.#reader.fault !== undefined) throw this.#reader.fault
  }

  /** Values by key. */
  scope<Value>(name: string, codec: StateCodec<Value>): Scope<Value> {
    return this.#add(new Scope<Value>(this, this.#reader, name, this.#partition, codec, false))
  }

  /**
   * A scope with any number of rows to a key, each stored and changed by itself: cells are named by {@link rowKey}, and
   * `group` gives those of a key in the order of their rows.
   */
  rows<Value>(name: string, codec: StateCodec<Value>): Scope<Value> {
    return this.#add(new Scope<Value>(this, this.#reader, name, this.#partition, codec, true))
  }

  #add<Value>(scope: Scope<Value>): Scope<Value> {
    this.#scopes.push(scope)
    return scope
  }

  /** From here on, changes can be undone back to the returned mark. */
  savepoint(): number {
    this.epoch++
    return this.#undo.length
  }

  /** Undoes all changes since a mark, newest first. */
  rollback(mark: number): void {
    while (this.#undo.length > mark) {
      const { scope, bucket, cell, before } = this.#undo.pop() as Undo
      if (cell === undefined) scope.restore(bucket, before === true)
      else scope.giveBack(bucket, cell, before === absent ? undefined : before)
    }
    if (mark === 0) this.changedBytes = 0
    this.epoch++
  }

  /**
   * Sees to it that what has changed since a mark can be written, as long as it can still be undone.
   *
   * @throws MR1201 for a value that cannot
   */
  check(mark: number): void {
    for (let i = mark; i < this.#undo.length; i++) {
      const { scope, cell } = this.#undo[i] as Undo
      if (cell?.value !== undefined) scope.check(cell.value)
    }
  }

  /** S2: called by scopes before a change. */
  remember(step: Undo): void {
    this.#undo.push(step)
  }

  changed(bytes: number): void {
    this.changedBytes += bytes
  }

  /**
   * Ends the transaction: writes what changed and forgets how to undo it.
   *
   * @throws MR1201 for a value that cannot be written; the transaction then goes on and can be undone
   */
  writeChanges(to: StateChangesWriter): void {
    for (const scope of this.#scopes) scope.writeChanges(to)
    for (const scope of this.#scopes) scope.endTransaction()
    this.#undo.length = 0
    this.changedBytes = 0
    this.transaction++
    this.epoch++
    this.memory.settle(this)
  }

  /** The store has taken up all changes of the first `transactions` transactions. */
  onFolded(transactions: number): void {
    this.folded = transactions
    for (const scope of this.#scopes) scope.onFolded()
    this.memory.onFolded()
    // Perhaps nothing more comes.
    this.memory.settle(this)
  }

  /** Between transactions, asked by {@link StateMemory}: what has not been used for long goes first. */
  evict(bytes: number): void {
    let left = bytes
    for (const usedBefore of [this.transaction - 16, this.transaction - 1]) {
      for (const scope of this.#scopes) {
        if (left <= 0) return
        left -= scope.evict(left, usedBefore)
      }
    }
  }

  /** Keys held in memory. */
  get size(): number {
    let size = 0
    for (const scope of this.#scopes) size += scope.size
    return size
  }

  /** Lets go of everything: another will take over the stage and partition. */
  close(): void {
    this.memory.leave(this)
    for (const scope of this.#scopes) scope.close()
  }
}

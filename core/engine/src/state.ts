/**
 * Keyed state of one stage and partition: what operators remember, by scope, bucket and key, in memory, read through
 * from the store bucket by bucket when first touched.
 *
 * S1  A transaction's changes are all kept or all undone: `rollback` gives every value back as it was at `savepoint`.
 * S2  A value is copied before its first change after a savepoint, so operators may change it in place.
 * S3  What `writeChanges` writes, applied to the store, gives the state in memory.
 *
 * Not here: when to commit (stage.ts), how bytes reach the disk (the store).
 */
import { ByteReader, ByteWriter, type StateChangesWriter } from "@millrace/model"
import type { StateReader } from "./ports/store.ts"

/** How a scope's values become bytes, and how one is copied before it changes. */
export interface StateCodec<Value> {
  write(to: ByteWriter, value: Value): void
  read(from: ByteReader): Value
  copy(value: Value): Value
}

/** The place of one key's value. */
export class Cell<Value> {
  readonly key: string
  /** Undefined: removed in this transaction. */
  value: Value | undefined
  /** The savepoint since which the value's copy is kept. */
  epoch: number
  /** The transaction that last changed it. */
  transaction: number

  constructor(key: string, value: Value | undefined, epoch: number, transaction: number) {
    this.key = key
    this.value = value
    this.epoch = epoch
    this.transaction = transaction
  }
}

/** The keys of one bucket. */
export class Bucket<Value> {
  readonly id: number
  readonly cells: Map<string, Cell<Value>> = new Map()
  /** Of a scope of rows: the cells of each key in the order of their rows; see {@link KeyedState.rows}. */
  readonly groups: Map<string, Cell<Value>[]> | undefined
  /** Cells changed in this transaction, each once. */
  dirty: Cell<Value>[] = []

  constructor(id: number, grouped: boolean) {
    this.id = id
    this.groups = grouped ? new Map() : undefined
  }

  put(cell: Cell<Value>): void {
    this.cells.set(cell.key, cell)
    if (this.groups === undefined) return
    const key = keyOfRow(cell.key)
    const group = this.groups.get(key)
    if (group === undefined) this.groups.set(key, [cell])
    else {
      const place = placeOf(group, cell.key)
      if (group[place]?.key === cell.key) group[place] = cell
      else if (place === group.length) group.push(cell)
      else group.splice(place, 0, cell)
    }
  }

  take(cell: Cell<Value>): void {
    this.cells.delete(cell.key)
    if (this.groups === undefined) return
    const key = keyOfRow(cell.key)
    const group = this.groups.get(key)
    if (group === undefined) return
    const place = placeOf(group, cell.key)
    if (group[place]?.key !== cell.key) return
    if (group.length === 1) this.groups.delete(key)
    else group.splice(place, 1)
  }
}

/** Comes between a key and the name of its row, which never contains it. */
const rowMark = "\u0000"

/** Names a row of a key, in a scope of rows: the cell's key. `row` must not contain U+0000. */
export function rowKey(key: string, row: string): string {
  return key + rowMark + row
}

function keyOfRow(cellKey: string): string {
  return cellKey.slice(0, cellKey.lastIndexOf(rowMark))
}

/** The row's name: what {@link rowKey} was given. */
export function rowOf(cellKey: string): string {
  return cellKey.slice(cellKey.lastIndexOf(rowMark) + 1)
}

/** The name of a numbered row: rows are in the order of their numbers, whole and from 0. */
export function rowNumber(number: number): string {
  return number.toString(36).padStart(11, "0")
}

/** Where a cell of this key is or belongs. Rows mostly come in order, so the end is looked at first. */
function placeOf<Value>(group: readonly Cell<Value>[], cellKey: string): number {
  let low = 0
  let high = group.length
  if (high > 0 && cellKey > (group[high - 1] as Cell<Value>).key) return high
  while (low < high) {
    const middle = (low + high) >> 1
    if ((group[middle] as Cell<Value>).key < cellKey) low = middle + 1
    else high = middle
  }
  return low
}

/** A step that can be undone: a value given back, a cell taken out, or a dropped bucket put back. */
interface Undo {
  readonly scope: Scope<unknown>
  readonly bucket: Bucket<unknown>
  /** Undefined: the bucket was dropped. */
  readonly cell: Cell<unknown> | undefined
  /** Of a cell, its value before; of a bucket, whether another of its number had been dropped before it. */
  readonly before: unknown
}

const absent: unique symbol = Symbol("absent")

/** Where values are written to see whether they can be. */
const trial = new ByteWriter()

/** All scopes of a stage and partition, with one transaction over them. */
export class KeyedState {
  readonly #reader: StateReader
  readonly #partition: number
  readonly #scopes: Scope<unknown>[] = []
  readonly #undo: Undo[] = []
  /** Number of the newest savepoint; a cell with another number has not been copied since. */
  epoch = 1
  /** Number of the open transaction. */
  transaction = 1

  constructor(reader: StateReader, partition: number) {
    this.#reader = reader
    this.#partition = partition
  }

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
  remember(scope: Scope<unknown>, bucket: Bucket<unknown>, cell: Cell<unknown> | undefined, before: unknown): void {
    this.#undo.push({ scope, bucket, cell, before })
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
    this.transaction++
    this.epoch++
  }

  /** Keys held in memory. */
  get size(): number {
    let size = 0
    for (const scope of this.#scopes) size += scope.size
    return size
  }
}

/** The state of one operator in one partition. */
export class Scope<Value> {
  readonly #state: KeyedState
  readonly #reader: StateReader
  readonly #name: string
  readonly #partition: number
  readonly #codec: StateCodec<Value>
  readonly #grouped: boolean
  /** Buckets by id; undefined: stored, not yet loaded. Undefined as a whole: the store has not been asked. */
  #buckets: Map<number, Bucket<Value> | undefined> | undefined
  readonly #dirty: Set<Bucket<Value>> = new Set()
  /** Buckets dropped in this transaction. */
  readonly #dropped: Set<number> = new Set()
  #recent: Bucket<Value> | undefined
  /** Keys held in memory. */
  size = 0

  constructor(
    state: KeyedState,
    reader: StateReader,
    name: string,
    partition: number,
    codec: StateCodec<Value>,
    grouped: boolean,
  ) {
    this.#state = state
    this.#reader = reader
    this.#name = name
    this.#partition = partition
    this.#codec = codec
    this.#grouped = grouped
  }

  /** Ids of all buckets, in no order. */
  ids(): Iterable<number> {
    return this.#known().keys()
  }

  has(id: number): boolean {
    return this.#known().has(id)
  }

  /** The bucket, loaded; made when there is none. */
  bucket(id: number): Bucket<Value> {
    if (this.#recent !== undefined && this.#recent.id === id) return this.#recent
    const known = this.#known()
    let bucket = known.get(id)
    if (bucket === undefined) {
      bucket = known.has(id) ? this.#load(id) : new Bucket<Value>(id, this.#grouped)
      known.set(id, bucket)
    }
    this.#recent = bucket
    return bucket
  }

  /** The cell of a key, to be read only; undefined when there is none. */
  get(bucket: Bucket<Value>, key: string): Cell<Value> | undefined {
    return bucket.cells.get(key)
  }

  /**
   * Of a scope of rows: the cells of a key in the order of their rows, to be read only. Do not keep the list: it changes
   * with its rows.
   */
  group(bucket: Bucket<Value>, key: string): readonly Cell<Value>[] {
    return bucket.groups?.get(key) ?? []
  }

  /** The cell of a key, ready to be changed in place; made with `init` when there is none. */
  change(bucket: Bucket<Value>, key: string, init: () => Value): Cell<Value> {
    const cell = bucket.cells.get(key)
    if (cell === undefined) return this.#add(bucket, key, init())
    if (cell.epoch !== this.#state.epoch) this.#copy(bucket, cell)
    return cell
  }

  remove(bucket: Bucket<Value>, key: string): void {
    const cell = bucket.cells.get(key)
    if (cell === undefined) return
    if (cell.epoch !== this.#state.epoch) this.#copy(bucket, cell)
    else this.#remember(bucket, cell, cell.value)
    cell.value = undefined
    bucket.take(cell)
    this.size--
  }

  /** Lets go of the keys that this transaction has not changed: the store keeps them, memory need not. */
  release(bucket: Bucket<Value>): void {
    for (const cell of bucket.cells.values()) {
      if (cell.transaction === this.#state.transaction) continue
      bucket.take(cell)
      this.size--
    }
  }

  /** Removes a bucket with all its keys. */
  drop(bucket: Bucket<Value>): void {
    this.#state.remember(this, bucket, undefined, this.#dropped.has(bucket.id))
    this.#known().delete(bucket.id)
    this.#dropped.add(bucket.id)
    this.size -= bucket.cells.size
    if (this.#recent === bucket) this.#recent = undefined
  }

  /** Puts a dropped bucket back: the undo of {@link drop}. */
  restore(bucket: Bucket<Value>, droppedBefore: boolean): void {
    this.size += bucket.cells.size - (this.#known().get(bucket.id)?.cells.size ?? 0)
    this.#known().set(bucket.id, bucket)
    if (!droppedBefore) this.#dropped.delete(bucket.id)
    this.#recent = undefined
  }

  /** Gives a cell its value back, or takes it out if it had none: the undo of a change. */
  giveBack(bucket: Bucket<Value>, cell: Cell<Value>, value: Value | undefined): void {
    const { cells } = bucket
    const before = cells.size
    cell.value = value
    if (value === undefined) bucket.take(cell)
    else bucket.put(cell)
    this.size += cells.size - before
  }

  check(value: Value): void {
    trial.length = 0
    this.#codec.write(trial, value)
  }

  writeChanges(to: StateChangesWriter): void {
    for (const id of this.#dropped) {
      to.beginBucket(this.#name, this.#partition, id, true)
      const again = this.#buckets?.get(id)
      if (again !== undefined) this.#writeCells(to, again)
      to.endBucket()
    }
    for (const bucket of this.#dirty) {
      // A dropped bucket's cells went with it; one that took its place is written with the drop.
      if (this.#buckets?.get(bucket.id) !== bucket || this.#dropped.has(bucket.id)) continue
      to.beginBucket(this.#name, this.#partition, bucket.id, false)
      this.#writeCells(to, bucket)
      to.endBucket()
    }
  }

  endTransaction(): void {
    for (const bucket of this.#dirty) {
      bucket.dirty = []
      if (bucket.cells.size === 0 && this.#buckets?.get(bucket.id) === bucket) this.#forget(bucket)
    }
    this.#dirty.clear()
    this.#dropped.clear()
  }

  #writeCells(to: StateChangesWriter, bucket: Bucket<Value>): void {
    for (const cell of bucket.dirty) {
      if (cell.value === undefined) {
        // Removed, unless a new cell has taken the key since: that one is in the list too.
        if (!bucket.cells.has(cell.key)) to.remove(cell.key)
      } else {
        // A cell with a value is the key's cell: removing or undoing one takes its value away.
        const bytes = to.beginValue(cell.key)
        const from = bytes.length
        this.#codec.write(bytes, cell.value)
        to.endValue(from)
      }
    }
  }

  /** An empty bucket need not be known: the store does not know it either. */
  #forget(bucket: Bucket<Value>): void {
    this.#buckets?.delete(bucket.id)
    if (this.#recent === bucket) this.#recent = undefined
  }

  #add(bucket: Bucket<Value>, key: string, value: Value): Cell<Value> {
    const { epoch, transaction } = this.#state
    const cell = new Cell<Value>(key, value, epoch, transaction)
    bucket.put(cell)
    bucket.dirty.push(cell)
    this.#dirty.add(bucket)
    this.size++
    this.#remember(bucket, cell, absent)
    return cell
  }

  #copy(bucket: Bucket<Value>, cell: Cell<Value>): void {
    const { epoch, transaction } = this.#state
    this.#remember(bucket, cell, this.#codec.copy(cell.value as Value))
    cell.epoch = epoch
    if (cell.transaction !== transaction) {
      cell.transaction = transaction
      bucket.dirty.push(cell)
      this.#dirty.add(bucket)
    }
  }

  #remember(bucket: Bucket<Value>, cell: Cell<Value>, before: unknown): void {
    this.#state.remember(this, bucket, cell, before)
  }

  #known(): Map<number, Bucket<Value> | undefined> {
    if (this.#buckets === undefined) {
      this.#buckets = new Map()
      for (const id of this.#reader.buckets(this.#name, this.#partition)) this.#buckets.set(id, undefined)
    }
    return this.#buckets
  }

  #load(id: number): Bucket<Value> {
    const bucket = new Bucket<Value>(id, this.#grouped)
    for (const [key, bytes] of this.#reader.entries(this.#name, this.#partition, id)) {
      bucket.put(new Cell<Value>(key, this.#codec.read(new ByteReader(bytes)), 0, 0))
    }
    this.size += bucket.cells.size
    return bucket
  }
}

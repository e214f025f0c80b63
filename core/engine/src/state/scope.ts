/**
 * The state of one operator in one partition: values by bucket and key. What is not in memory is read from the store, a
 * bucket at a time where it is small, else key by key; what the store can give back may be let go of between transactions.
 *
 * S4  Whether a key lies in memory or in the store makes no difference to what is read, nor to the order of keys.
 * S5  Only what the store holds in its newest form is let go of.
 *
 * Buckets and cells belong to the transaction in which they were asked for: do not keep them.
 */
import { ByteReader, ByteWriter, MillraceError, type StateChangesWriter, limits } from "@millrace/model"
import type { StateReader } from "../ports/store.ts"
import { Bucket, Cell } from "./bucket.ts"
import { compareKeys, sortKeys } from "./key-order.ts"
import type { StateMemory } from "./memory.ts"
import { keyOfRow, rowPrefix } from "./row.ts"
import { absent, type Undo, type Undoable } from "./undo.ts"

/** How a scope's values become bytes, and how one is copied before it changes. */
export interface StateCodec<Value> {
  write(to: ByteWriter, value: Value): void
  read(from: ByteReader): Value
  copy(value: Value): Value
  /** What a value takes in memory beyond its bytes, by estimate; nothing, where it is a small part of what its cell takes. */
  readonly memoryBytes?: number
}

/** What a scope needs of the whole. */
export interface Transactions {
  /** Number of the newest savepoint; a cell with another number has not been copied since. */
  readonly epoch: number
  /** Number of the open transaction. */
  readonly transaction: number
  /** Number of the newest transaction whose changes the store can be asked for. */
  readonly folded: number
  readonly memory: StateMemory
  remember(step: Undo): void
  /** A key is changed for the first time in this transaction; its value took so many bytes. */
  changed(bytes: number): void
}

/** What a cell takes besides its key and its value's bytes: its object, its place in the map, the value's own overhead. */
const cellBytes = 200

/** Where values are written to see whether they can be. */
const trial = new ByteWriter()

export class Scope<Value> implements Undoable {
  readonly #state: Transactions
  readonly #reader: StateReader
  readonly #name: string
  readonly #partition: number
  readonly #codec: StateCodec<Value>
  readonly #grouped: boolean
  readonly #cellBytes: number
  /** Buckets by id; undefined: stored, not yet looked at. Undefined as a whole: the store has not been asked. */
  #buckets: Map<number, Bucket<Value> | undefined> | undefined
  readonly #dirty: Set<Bucket<Value>> = new Set()
  /** Buckets dropped in this transaction. */
  readonly #dropped: Set<number> = new Set()
  /** Buckets with keys that the store may still have though they were removed. */
  readonly #withGone: Set<Bucket<Value>> = new Set()
  #recent: Bucket<Value> | undefined
  /** Keys held in memory. */
  size = 0

  constructor(state: Transactions, reader: StateReader, name: string, partition: number, codec: StateCodec<Value>, grouped: boolean) {
    this.#state = state
    this.#reader = reader
    this.#name = name
    this.#partition = partition
    this.#codec = codec
    this.#grouped = grouped
    this.#cellBytes = cellBytes + (codec.memoryBytes ?? 0)
  }

  get name(): string {
    return this.#name
  }

  /** Ids of all buckets, in no order. */
  ids(): Iterable<number> {
    return this.#known().keys()
  }

  has(id: number): boolean {
    return this.#known().has(id)
  }

  /** The bucket; made when there is none. */
  bucket(id: number): Bucket<Value> {
    if (this.#recent !== undefined && this.#recent.id === id) return this.#recent
    const known = this.#known()
    let bucket = known.get(id)
    if (bucket === undefined) {
      bucket = known.has(id) ? this.#load(id) : new Bucket<Value>(id, this.#grouped, this.#state.transaction)
      known.set(id, bucket)
    }
    this.#recent = bucket
    return bucket
  }

  /** The cell of a key, to be read only; undefined when there is none. */
  get(bucket: Bucket<Value>, key: string): Cell<Value> | undefined {
    const cell = bucket.cells.get(key)
    if (cell === undefined) return bucket.whole ? undefined : this.#fetch(bucket, key)
    cell.used = this.#state.transaction
    return cell
  }

  /**
   * Of a scope of rows: the cells of a key in the order of their rows, to be read only. Do not keep the list: it changes
   * with its rows.
   */
  group(bucket: Bucket<Value>, key: string): readonly Cell<Value>[] {
    if (!bucket.whole) this.#fetchGroup(bucket, key)
    const group = bucket.groups?.get(key)
    if (group === undefined) return noCells
    const [first] = group
    // One stands for all: a group is let go of as a whole.
    if (first !== undefined) first.used = this.#state.transaction
    return group
  }

  /** All keys of a bucket, in order. */
  keys(bucket: Bucket<Value>): string[] {
    const keys = bucket.sorted().slice()
    if (bucket.whole) return keys.filter((key) => bucket.cells.has(key))
    const held = keys.filter((key) => bucket.cells.has(key))
    for (const { key } of this.#stored(bucket)) if (!bucket.cells.has(key) && !bucket.gone.has(key)) held.push(key)
    return sortKeys(held)
  }

  /**
   * All keys of a bucket with their values, in order: those in memory when it begins, and those that only the store has, which
   * do not come into memory. A value removed meanwhile is left out. To be read only.
   *
   * @param after - begins behind this key
   */
  *entries(bucket: Bucket<Value>, after?: string): Iterable<{ readonly key: string; readonly value: Value }> {
    const keys = bucket.sorted()
    let next = after === undefined ? 0 : behind(keys, after)
    if (!bucket.whole) {
      for (const stored of this.#stored(bucket, after)) {
        for (; next < keys.length && compareKeys(keys[next] as string, stored.key) < 0; next++) {
          const cell = bucket.cells.get(keys[next] as string)
          if (cell?.value !== undefined) yield { key: cell.key, value: cell.value }
        }
        if (keys[next] === stored.key) next++
        // It may have come into memory since, or have gone.
        const cell = bucket.cells.get(stored.key)
        if (cell?.value !== undefined) yield { key: cell.key, value: cell.value }
        else if (!bucket.gone.has(stored.key)) yield stored
      }
    }
    for (; next < keys.length; next++) {
      const cell = bucket.cells.get(keys[next] as string)
      if (cell?.value !== undefined) yield { key: cell.key, value: cell.value }
    }
  }

  /** The cell of a key, ready to be changed in place; made with `init` when there is none. */
  change(bucket: Bucket<Value>, key: string, init: () => Value): Cell<Value> {
    const cell = bucket.cells.get(key) ?? (bucket.whole ? undefined : this.#fetch(bucket, key))
    if (cell === undefined) return this.#add(bucket, key, init())
    if (cell.epoch !== this.#state.epoch) this.#copy(bucket, cell)
    return cell
  }

  remove(bucket: Bucket<Value>, key: string): void {
    const cell = bucket.cells.get(key) ?? (bucket.whole ? undefined : this.#fetch(bucket, key))
    if (cell === undefined) return
    if (cell.epoch !== this.#state.epoch) this.#copy(bucket, cell)
    else this.#remember(bucket, cell, cell.value)
    cell.value = undefined
    this.#takeOut(bucket, cell)
    if (this.#state.memory.bounded) {
      bucket.gone.set(key, this.#state.transaction)
      this.#withGone.add(bucket)
    }
  }

  /**
   * Lets go of the keys that this transaction has not changed, for good: who else may change them in the store (the node that
   * notes what it has delivered) would not be heard here.
   */
  release(bucket: Bucket<Value>): void {
    for (const cell of bucket.cells.values()) {
      if (cell.transaction !== this.#state.transaction) this.#takeOut(bucket, cell)
    }
  }

  /** Removes a bucket with all its keys. */
  drop(bucket: Bucket<Value>): void {
    this.#remember(bucket, undefined, this.#dropped.has(bucket.id))
    this.#known().delete(bucket.id)
    this.#dropped.add(bucket.id)
    this.size -= bucket.cells.size
    this.#state.memory.take(-bucket.bytes)
    if (this.#recent === bucket) this.#recent = undefined
  }

  /** Puts a dropped bucket back: the undo of {@link drop}. */
  restore(bucket: Bucket<Value>, droppedBefore: boolean): void {
    const inItsPlace = this.#known().get(bucket.id)
    this.size += bucket.cells.size - (inItsPlace?.cells.size ?? 0)
    this.#state.memory.take(bucket.bytes - (inItsPlace?.bytes ?? 0))
    this.#known().set(bucket.id, bucket)
    if (!droppedBefore) this.#dropped.delete(bucket.id)
    this.#recent = undefined
  }

  /** Gives a cell its value back, or takes it out if it had none: the undo of a change. */
  giveBack(bucket: Bucket<Value>, cell: Cell<Value>, value: Value | undefined): void {
    cell.value = value
    // A cell of a bucket that is dropped comes back with it.
    const counted = this.#buckets?.get(bucket.id) === bucket
    const before = bucket.cells.size
    const bytesBefore = bucket.bytes
    if (value === undefined) bucket.take(cell)
    else bucket.put(cell)
    if (!counted) return
    this.size += bucket.cells.size - before
    this.#state.memory.take(bucket.bytes - bytesBefore)
  }

  check(value: Value): void {
    trial.length = 0
    this.#codec.write(trial, value)
    if (trial.length <= limits.stateValueBytesMax) return
    const { length } = trial
    throw new MillraceError(
      "MR1201",
      `"${this.#name}": the state of one key would take ${length} bytes; at most ${limits.stateValueBytesMax} are kept. Keep less by key.`,
      { bytes: length, most: limits.stateValueBytesMax },
    )
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
      // An empty bucket need not be known: the store does not know it either.
      if (bucket.whole && bucket.cells.size === 0 && this.#buckets?.get(bucket.id) === bucket) {
        this.#buckets?.delete(bucket.id)
        if (this.#recent === bucket) this.#recent = undefined
      }
    }
    // Clearing makes a new table, of an empty set, too; and a stage has scopes that most of its transactions leave alone.
    if (this.#dirty.size > 0) this.#dirty.clear()
    if (this.#dropped.size > 0) this.#dropped.clear()
  }

  /** The store has taken up more transactions: what they removed, it does not have any more. */
  onFolded(): void {
    for (const bucket of this.#withGone) {
      for (const [key, transaction] of bucket.gone) if (transaction <= this.#state.folded) bucket.gone.delete(key)
      if (bucket.gone.size === 0) this.#withGone.delete(bucket)
    }
  }

  /**
   * Between transactions: lets go of cells that the store can give back (S5) and that were not used of late, until so many
   * bytes are free.
   *
   * @param usedBefore - only what was last used in an earlier transaction than this
   */
  evict(bytes: number, usedBefore: number): number {
    const { folded } = this.#state
    let freed = 0
    for (const [id, bucket] of this.#buckets ?? []) {
      if (freed >= bytes) break
      if (bucket === undefined || bucket.born > folded) continue
      const before = bucket.bytes
      if (bucket.groups === undefined) this.#evictCells(bucket, bytes - freed, usedBefore)
      else this.#evictGroups(bucket, bucket.groups, bytes - freed, usedBefore)
      freed += before - bucket.bytes
      if (bucket.cells.size > 0 || bucket.gone.size > 0) continue
      this.#known().set(id, undefined)
      if (this.#recent === bucket) this.#recent = undefined
    }
    return freed
  }

  /** Lets go of everything: the scope is not used any more. */
  close(): void {
    for (const bucket of this.#buckets?.values() ?? []) this.#state.memory.take(-(bucket?.bytes ?? 0))
    this.#buckets = new Map()
    this.#withGone.clear()
    this.#recent = undefined
    this.size = 0
  }

  #evictCells(bucket: Bucket<Value>, bytes: number, usedBefore: number): void {
    const most = bucket.bytes - bytes
    for (const cell of bucket.cells.values()) {
      if (bucket.bytes <= most) return
      if (!this.#evictable(cell, usedBefore)) continue
      bucket.whole = false
      // It may have been removed and come back.
      bucket.gone.delete(cell.key)
      this.#takeOut(bucket, cell)
    }
  }

  #evictGroups(bucket: Bucket<Value>, groups: Map<string, Cell<Value>[]>, bytes: number, usedBefore: number): void {
    const most = bucket.bytes - bytes
    for (const [key, group] of groups) {
      if (bucket.bytes <= most) return
      if (!group.every((cell) => this.#evictable(cell, usedBefore))) continue
      if (bucket.whole) {
        bucket.whole = false
        for (const each of groups.keys()) bucket.wholeGroups.add(each)
      }
      bucket.wholeGroups.delete(key)
      for (const cell of group.slice()) {
        bucket.gone.delete(cell.key)
        this.#takeOut(bucket, cell)
      }
    }
  }

  #evictable(cell: Cell<Value>, usedBefore: number): boolean {
    return cell.transaction <= this.#state.folded && cell.used < usedBefore
  }

  #takeOut(bucket: Bucket<Value>, cell: Cell<Value>): void {
    const before = bucket.bytes
    bucket.take(cell)
    this.size--
    this.#state.memory.take(bucket.bytes - before)
  }

  #writeCells(to: StateChangesWriter, bucket: Bucket<Value>): void {
    let grown = 0
    for (const cell of bucket.dirty) {
      if (cell.value === undefined) {
        // Removed, unless a new cell has taken the key since: that one is in the list too.
        if (!bucket.cells.has(cell.key)) to.remove(cell.key)
      } else {
        // A cell with a value is the key's cell: removing or undoing one takes its value away.
        const bytes = to.beginValue(cell.key)
        const from = bytes.length
        this.#codec.write(bytes, cell.value)
        if (bytes.length - from > limits.stateValueBytesMax) this.check(cell.value)
        const size = bytes.length - from + cell.key.length + this.#cellBytes
        to.endValue(from)
        grown += size - cell.bytes
        cell.bytes = size
      }
    }
    bucket.bytes += grown
    this.#state.memory.take(grown)
  }

  #add(bucket: Bucket<Value>, key: string, value: Value): Cell<Value> {
    const { epoch, transaction } = this.#state
    const cell = new Cell<Value>(key, value, epoch, transaction, transaction)
    bucket.put(cell)
    bucket.dirty.push(cell)
    this.#dirty.add(bucket)
    this.#state.changed(this.#cellBytes + key.length)
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
      cell.used = transaction
      this.#state.changed(cell.bytes)
      bucket.dirty.push(cell)
      this.#dirty.add(bucket)
    }
  }

  #remember(bucket: Bucket<Value>, cell: Cell<Value> | undefined, before: unknown): void {
    this.#state.remember({ scope: this, bucket, cell, before })
  }

  #known(): Map<number, Bucket<Value> | undefined> {
    if (this.#buckets === undefined) {
      this.#buckets = new Map()
      for (const id of this.#reader.buckets(this.#name, this.#partition)) this.#buckets.set(id, undefined)
    }
    return this.#buckets
  }

  /** Reads a stored bucket, as far as there is memory for it. */
  #load(id: number): Bucket<Value> {
    const bucket = new Bucket<Value>(id, this.#grouped, 0)
    const bytesMost = this.#state.memory.loadBytesMost
    for (const [key, bytes] of this.#reader.entries(this.#name, this.#partition, id)) {
      if (bucket.bytes > bytesMost) {
        bucket.whole = false
        break
      }
      this.#put(bucket, key, bytes)
    }
    if (!bucket.whole && bucket.groups !== undefined) {
      const groups = [...bucket.groups.keys()]
      // The last one may go on in the store.
      for (const key of groups.slice(0, -1)) bucket.wholeGroups.add(key)
    }
    return bucket
  }

  /** A key of a bucket that is not whole, from the store. */
  #fetch(bucket: Bucket<Value>, key: string): Cell<Value> | undefined {
    if (this.#grouped) {
      this.#fetchGroup(bucket, keyOfRow(key))
      return bucket.cells.get(key)
    }
    if (bucket.gone.has(key)) return undefined
    const bytes = this.#reader.get(this.#name, this.#partition, bucket.id, key)
    return bytes === undefined ? undefined : this.#put(bucket, key, bytes)
  }

  /** The rows of a key of a bucket that is not whole, from the store. */
  #fetchGroup(bucket: Bucket<Value>, key: string): void {
    if (bucket.wholeGroups.has(key)) return
    const rows = this.#reader.entries(this.#name, this.#partition, bucket.id, { prefix: rowPrefix(key) })
    for (const [cellKey, bytes] of rows) {
      // A key with the mark in it may begin like this one with its mark.
      if (keyOfRow(cellKey) !== key || bucket.cells.has(cellKey) || bucket.gone.has(cellKey)) continue
      this.#put(bucket, cellKey, bytes)
    }
    bucket.wholeGroups.add(key)
  }

  /** A stored value comes into memory, unchanged. */
  #put(bucket: Bucket<Value>, key: string, bytes: Uint8Array): Cell<Value> {
    const cell = new Cell<Value>(key, this.#codec.read(new ByteReader(bytes)), 0, 0, this.#state.transaction)
    cell.bytes = bytes.length + key.length + this.#cellBytes
    bucket.put(cell)
    this.size++
    this.#state.memory.take(cell.bytes)
    return cell
  }

  /** What the store has of a bucket, in the order of keys; memory may know better. */
  *#stored(bucket: Bucket<Value>, after?: string): Iterable<{ readonly key: string; readonly value: Value }> {
    for (let from = after; ;) {
      // In pieces: what reads them may take long, and a store's cursor is not held open meanwhile.
      const range = from === undefined ? { limit: pieceKeys } : { after: from, limit: pieceKeys }
      const piece: [string, Value][] = []
      for (const [key, bytes] of this.#reader.entries(this.#name, this.#partition, bucket.id, range)) {
        piece.push([key, this.#codec.read(new ByteReader(bytes))])
      }
      for (const [key, value] of piece) yield { key, value }
      if (piece.length < pieceKeys) return
      from = (piece.at(-1) as [string, Value])[0]
    }
  }
}

/** Place of the first key behind another. */
function behind(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareKeys(keys[middle] as string, key) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

const pieceKeys = 1000

const noCells: readonly never[] = []

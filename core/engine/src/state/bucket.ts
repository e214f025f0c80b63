/**
 * Buckets and cells: where the values of a scope lie in memory. A bucket may hold only some of its keys; then the store has
 * the others, and what was removed since the store last took it up is remembered.
 */
import { sortKeys } from "./key-order.ts"
import { keyOfRow } from "./row.ts"

/** The place of one key's value. */
export class Cell<Value> {
  readonly key: string
  /** Undefined: removed in this transaction. */
  value: Value | undefined
  /** The savepoint since which the value's copy is kept. */
  epoch: number
  /** The transaction that last changed it. */
  transaction: number
  /** The transaction that last looked at it. */
  used: number
  /** What it was last counted as, in bytes of memory. */
  bytes = 0

  constructor(key: string, value: Value | undefined, epoch: number, transaction: number, used: number) {
    this.key = key
    this.value = value
    this.epoch = epoch
    this.transaction = transaction
    this.used = used
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
  /** What its cells were last counted as. */
  bytes = 0
  /** Whether all keys are in memory. If not, one that is not here may be in the store. */
  whole: boolean
  /** The transaction that made it; 0: it comes from the store. Until that is folded the store may have another of its number. */
  readonly born: number
  /** Keys that were removed, and the transaction that did it: until that is folded the store still has them. */
  readonly gone: Map<string, number> = new Map()
  /** Of a bucket of rows that is not whole: keys of which all rows are in memory. */
  readonly wholeGroups: Set<string> = new Set()

  #sorted: string[] | undefined

  constructor(id: number, grouped: boolean, born: number) {
    this.id = id
    this.groups = grouped ? new Map() : undefined
    this.whole = true
    this.born = born
  }

  /** Its keys in memory, in order; also some that are not any more. Kept until a key is added. */
  sorted(): readonly string[] {
    this.#sorted ??= sortKeys([...this.cells.keys()])
    return this.#sorted
  }

  put(cell: Cell<Value>): void {
    this.#sorted = undefined
    this.bytes += cell.bytes - (this.cells.get(cell.key)?.bytes ?? 0)
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

  /** Takes a cell out; not one that has taken its key since. */
  take(cell: Cell<Value>): void {
    if (this.cells.get(cell.key) !== cell) return
    this.bytes -= cell.bytes
    this.cells.delete(cell.key)
    if (this.groups === undefined) return
    const key = keyOfRow(cell.key)
    const group = this.groups.get(key)
    if (group === undefined) return
    const place = placeOf(group, cell.key)
    if (group[place]?.key !== cell.key) return
    if (group.length === 1) this.groups.delete(key)
    // The oldest rows mostly go first, and shift does not move what stays.
    else if (place === 0) group.shift()
    else group.splice(place, 1)
  }
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

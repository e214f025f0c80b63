/**
 * The rows of a group in the order of their ranks, each kept by itself, so that one comes or goes by a few bytes however many there are.
 * Rows of equal rank lie in the order of their keys. In the state they are rows of the group's key, named by {@link rankName}.
 */
import { type ByteReader, type ByteWriter, compareRanks, readValue, writeValue } from "@millrace/model"
import { type Scope, type StateCodec, rowByKey, rowKey } from "../state.ts"
import { ownRank, rankName, type RankOrder } from "./rank-name.ts"

export interface RankedRow {
  readonly rank: unknown
  /** Whether all rows of its name have its rank. */
  readonly exact: boolean
  readonly bytes: Uint8Array
}

export const rankedRowCodec: StateCodec<RankedRow> = {
  write: (to: ByteWriter, { rank, exact, bytes }: RankedRow) => {
    writeValue(to, rank)
    to.u8(exact ? 1 : 0)
    to.u32(bytes.length)
    to.bytes(bytes)
  },
  read: (from: ByteReader): RankedRow => {
    const rank: unknown = readValue(from)
    const exact = from.u8() === 1
    return { rank, exact, bytes: from.bytes(from.u32()).slice() }
  },
  copy: (row) => row,
}

export class RankedRows {
  readonly #scope: Scope<RankedRow>
  readonly #prefix: string
  readonly #order: RankOrder
  readonly #where: string

  /**
   * @param prefix - what names begin with, where several share a scope: none the beginning of another
   * @param where - what errors name
   */
  constructor(scope: Scope<RankedRow>, prefix: string, order: RankOrder, where: string) {
    this.#scope = scope
    this.#prefix = prefix
    this.#order = order
    this.#where = where
  }

  /** @throws MR1201 for a rank that has no order with those that are there */
  add(group: string, key: string, rank: unknown, bytes: Uint8Array): void {
    const { text, exact } = rankName(rank, this.#order, this.#where)
    const [other] = this.first(group, 1)
    compareRanks(rank, other === undefined ? rank : other.rank, this.#where)
    const row: RankedRow = { rank: ownRank(rank), exact, bytes }
    this.#scope.change(this.#bucket, this.#cell(group, text, key), () => row).value = row
  }

  /** False: there was none. */
  remove(group: string, key: string, rank: unknown): boolean {
    const cell = this.#cell(group, rankName(rank, this.#order, this.#where).text, key)
    if (this.#scope.get(this.#bucket, cell) === undefined) return false
    this.#scope.remove(this.#bucket, cell)
    return true
  }

  /** The first `n`, or as many as there are. */
  first(group: string, n: number): RankedRow[] {
    const cells = this.#scope.group(this.#bucket, group)
    const begins = rowKey(group, this.#prefix)
    const first: RankedRow[] = []
    for (let i = placeOf(cells, begins); i < cells.length && first.length < n; ) {
      const cell = cells[i] as (typeof cells)[number]
      if (!cell.key.startsWith(begins)) break
      const row = cell.value as RankedRow
      i++
      if (row.exact) {
        first.push(row)
        continue
      }
      const name = begins + rankName(row.rank, this.#order, this.#where).text
      const run = [row]
      for (; i < cells.length && cells[i]?.key.startsWith(name) === true; i++) run.push(cells[i]?.value as RankedRow)
      first.push(...this.#sorted(run))
    }
    if (first.length > n) first.length = n
    return first
  }

  get #bucket(): ReturnType<Scope<RankedRow>["bucket"]> {
    return this.#scope.bucket(0)
  }

  #cell(group: string, name: string, key: string): string {
    return rowKey(group, this.#prefix + name + rowByKey(key))
  }

  /** Stable, so that equal ranks stay in the order of their keys. */
  #sorted(rows: RankedRow[]): RankedRow[] {
    const sign = this.#order.descending ? -1 : 1
    return rows.sort((a, b) => sign * compareRanks(a.rank, b.rank, this.#where))
  }
}

function placeOf(cells: ReadonlyArray<{ readonly key: string }>, key: string): number {
  let low = 0
  let high = cells.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((cells[middle] as { key: string }).key < key) low = middle + 1
    else high = middle
  }
  return low
}

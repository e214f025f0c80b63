/** Aggregates: how the values of a window or a group become one. */

/** Where an accumulator lives: `slots` consecutive places of an array, so that the aggregates of a window share one. */
export interface Aggregate<In, Out> {
  /** Its kind, for people: `count`, `sum`. */
  readonly kind: string
  readonly slots: number
  init(acc: unknown[], at: number): void
  /** `time` is the record's event time in ms. */
  add(acc: unknown[], at: number, value: In, time: number): void
  /** Folds `other` into `acc`: for windows that merge. */
  merge(acc: unknown[], at: number, other: readonly unknown[]): void
  result(acc: readonly unknown[], at: number): Out
  /**
   * Values may be aggregated in parts, in any grouping, and the parts made one by `merge`, which never throws; a part is about as large as
   * a result. Undefined: only values that lie together are.
   */
  readonly inParts?: true
  /** Takes a value out again that was added: for tables, whose rows change and go. Undefined: it cannot. */
  remove?(acc: unknown[], at: number, value: In, time: number): void
  /**
   * Of an aggregate that counts different things: what the value counts as. Where members can be kept one by one, they are, and
   * `result` sees their number instead of what `add` makes.
   */
  member?(value: In): string | number | bigint | boolean | null | undefined
  /**
   * Of an aggregate that keeps values: what it keeps of a value (null, undefined: nothing), and what it gives. Where rows may go,
   * the values are kept by row: the least or greatest lies in its slot, NaN before all others; all are given in the order of the rows'
   * keys.
   */
  readonly rows?: { of(value: In): unknown; readonly give: "least" | "greatest" | "all" }
  /** True when slots hold objects that `add` changes in place: they are copied before the first change of a transaction. */
  readonly mutable: boolean
}

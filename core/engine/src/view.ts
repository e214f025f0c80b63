/**
 * What an operator shows of what it keeps: to tests, to people who ask. A view is read between transactions, changes
 * nothing, and gives copies. An operator shows what it has and leaves the rest out.
 */

/** A timer that is set. */
export interface TimerView {
  readonly key: string
  /** When it is due, in ms. */
  readonly time: number
  /** Whether it is due by the watermark or by the clock. */
  readonly by: "event" | "processing"
  /** Of timers that have names. */
  readonly name?: string
}

export interface View {
  /** What is kept for a key, in the words of user code: a process' state, the open windows, a table's row. */
  stateOf?(key: string): unknown
  /** The timers that are set in this partition, in no order. */
  timers?(): Iterable<TimerView>
  /** Answers a question of the operator's own kind. */
  answer?(question: unknown): unknown
  /**
   * The rows of a table in this partition, in the order of their keys as UTF-8 bytes.
   *
   * @param after - begins behind this key
   */
  rows?(after?: string): Iterable<readonly [key: string, value: unknown]>
}

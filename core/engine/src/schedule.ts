/**
 * What is due when: numbers (a timer's time, a window's start) by the time at which they act, the earliest at hand. A
 * binary heap in two arrays. Entries are not taken back: who takes one out knows whether it still holds.
 */
export class Schedule {
  readonly #dues: number[] = []
  readonly #items: number[] = []

  get size(): number {
    return this.#dues.length
  }

  /** The earliest time, Infinity when there is none. */
  get due(): number {
    return this.#dues[0] ?? Number.POSITIVE_INFINITY
  }

  /** What is due first; undefined when there is nothing. */
  get first(): number | undefined {
    return this.#items[0]
  }

  add(due: number, item: number): void {
    const dues = this.#dues
    const items = this.#items
    let at = dues.length
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((dues[parent] as number) <= due) break
      dues[at] = dues[parent] as number
      items[at] = items[parent] as number
      at = parent
    }
    dues[at] = due
    items[at] = item
  }

  /** Takes out what is due first. */
  removeFirst(): void {
    const dues = this.#dues
    const items = this.#items
    const due = dues.pop()
    const item = items.pop()
    if (due === undefined || item === undefined || dues.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= dues.length) break
      if (child + 1 < dues.length && (dues[child + 1] as number) < (dues[child] as number)) child++
      if ((dues[child] as number) >= due) break
      dues[at] = dues[child] as number
      items[at] = items[child] as number
      at = child
    }
    dues[at] = due
    items[at] = item
  }

  clear(): void {
    this.#dues.length = 0
    this.#items.length = 0
  }
}

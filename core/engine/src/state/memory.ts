/**
 * How much memory the keyed state of a thread takes, and how much it may: all stages and partitions of a worker share one.
 * When they take more, those at rest let go of what the store can give back. A stage that may take less than all of that has
 * a part of its own `within` it.
 */

import { limits } from "@millrace/model"

/** Something that can let go of memory. */
interface Holder {
  /** Lets go of up to so many bytes. */
  evict(bytes: number): void
}

export class StateMemory implements Holder {
  /** Bytes taken, by estimate. */
  bytes = 0
  readonly #bytesMost: number
  readonly #holders: Set<Holder> = new Set()
  /** Not tried again before more has been taken: what could not go then cannot go now. */
  #again = 0

  readonly #loadBytesMin: number
  /** What this is a part of. */
  readonly #whole: StateMemory | undefined
  #ofTasks: StateMemory | undefined

  /**
   * @param bytesMost - how many bytes may be taken; more is, while the store cannot give them back
   * @param loadBytesMin - how many bytes of a bucket are read at once though all is taken
   */
  constructor(bytesMost: number, loadBytesMin: number = limits.bucketLoadBytesMin, whole?: StateMemory) {
    this.#bytesMost = bytesMost
    this.#loadBytesMin = loadBytesMin
    this.#whole = whole
  }

  /** A part of it that may take less; it joins when somebody joins it. */
  within(bytesMost: number): StateMemory {
    return new StateMemory(bytesMost, this.#loadBytesMin, this)
  }

  /** The part that all who work for tasks share: runs by the million wait or have ended, and most of them need no place in memory. */
  get ofTasks(): StateMemory {
    this.#ofTasks ??= this.within(Math.min(limits.taskMemoryBytesMax, this.#bytesMost))
    return this.#ofTasks
  }

  /** Whether more is taken than may be, after it was tried to let go of it: the store cannot give it back before the next fold. */
  get isOver(): boolean {
    return this.bytes > this.#bytesMost || this.#whole?.isOver === true
  }

  get bounded(): boolean {
    return this.#bytesMost < Number.POSITIVE_INFINITY || this.#whole?.bounded === true
  }

  /** How many bytes of a bucket may be read at once. */
  get loadBytesMost(): number {
    const own = Math.max(this.#loadBytesMin, (this.#bytesMost - this.bytes) / 2)
    return this.#whole === undefined ? own : Math.min(own, this.#whole.loadBytesMost)
  }

  /** So many bytes more are taken. */
  take(bytes: number): void {
    this.bytes += bytes
    if (this.#whole !== undefined) this.#whole.take(bytes)
  }

  join(holder: Holder): void {
    this.#holders.add(holder)
    this.#whole?.join(this)
  }

  leave(holder: Holder): void {
    this.#holders.delete(holder)
    if (this.#holders.size === 0) this.#whole?.leave(this)
  }

  /**
   * Between transactions: brings what is taken down to three quarters of what may be, as far as that can go. Who has been at rest for
   * longest lets go first.
   *
   * @param by - whose transaction has ended
   */
  settle(by: Holder): void {
    // The order of a set is that of being added.
    if (this.#holders.size > 1 && this.#holders.delete(by)) this.#holders.add(by)
    if (this.bytes > Math.max(this.#bytesMost, this.#again)) {
      this.evict(this.bytes - this.#bytesMost * 0.75)
      this.#again = this.bytes <= this.#bytesMost ? 0 : this.bytes + this.#bytesMost / 16
    }
    this.#whole?.settle(this)
  }

  /** All who take of it let go, until so many bytes are free. */
  evict(bytes: number): void {
    const target = this.bytes - bytes
    for (const holder of this.#holders) {
      if (this.bytes <= target) break
      holder.evict(this.bytes - target)
    }
  }

  /** The store can give back more than before. */
  onFolded(): void {
    this.#again = 0
    this.#whole?.onFolded()
  }
}

/**
 * How much memory the keyed state of a thread takes, and how much it may: all stages and partitions of a worker share one.
 * When they take more, those at rest let go of what the store can give back.
 */

import { limits } from "@millrace/model"

/** Something that can let go of memory. */
interface Holder {
  /** Lets go of up to so many bytes. */
  evict(bytes: number): void
}

export class StateMemory {
  /** Bytes taken, by estimate. */
  bytes = 0
  readonly #bytesMost: number
  readonly #holders: Set<Holder> = new Set()
  /** Not tried again before more has been taken: what could not go then cannot go now. */
  #again = 0

  readonly #loadBytesMin: number

  /**
   * @param bytesMost - how many bytes may be taken; more is, while the store cannot give them back
   * @param loadBytesMin - how many bytes of a bucket are read at once though all is taken
   */
  constructor(bytesMost: number, loadBytesMin: number = limits.bucketLoadBytesMin) {
    this.#bytesMost = bytesMost
    this.#loadBytesMin = loadBytesMin
  }

  get bounded(): boolean {
    return this.#bytesMost < Number.POSITIVE_INFINITY
  }

  /** How many bytes of a bucket may be read at once. */
  get loadBytesMost(): number {
    return Math.max(this.#loadBytesMin, (this.#bytesMost - this.bytes) / 2)
  }

  join(holder: Holder): void {
    this.#holders.add(holder)
  }

  leave(holder: Holder): void {
    this.#holders.delete(holder)
  }

  /** Between transactions: brings what is taken down to three quarters of what may be, as far as that can go. */
  settle(): void {
    if (this.bytes <= Math.max(this.#bytesMost, this.#again)) return
    const target = this.#bytesMost * 0.75
    for (const holder of this.#holders) {
      if (this.bytes <= target) break
      holder.evict(this.bytes - target)
    }
    this.#again = this.bytes <= this.#bytesMost ? 0 : this.bytes + this.#bytesMost / 16
  }

  /** The store can give back more than before. */
  onFolded(): void {
    this.#again = 0
  }
}

/** Room for the bytes of events under way, shared by all mappings of a node: whoever finds none waits for its turn. */
interface Waiting {
  readonly bytes: number
  readonly go: () => void
}

export class EventRoom {
  readonly #most: number
  #used = 0
  readonly #waiting: Waiting[] = []

  constructor(bytesMost: number) {
    this.#most = bytesMost
  }

  get used(): number {
    return this.#used
  }

  /** Resolves once there is room; give it back with {@link give}. What is larger than all of it has it alone. */
  take(bytes: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#used += bytes
      return Promise.resolve()
    }
    return new Promise((resolve) => this.#waiting.push({ bytes, go: resolve }))
  }

  give(bytes: number): void {
    this.#used -= bytes
    for (;;) {
      const first = this.#waiting[0]
      if (first === undefined || !this.#fits(first.bytes)) return
      this.#waiting.shift()
      this.#used += first.bytes
      first.go()
    }
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#most
  }
}

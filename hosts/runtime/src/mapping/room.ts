/** Room for what is under way, bytes of events or invocations: whoever finds none waits for its turn. */
interface Waiting {
  readonly amount: number
  readonly go: () => void
}

export class Room {
  readonly #most: number
  #used = 0
  readonly #waiting: Waiting[] = []

  constructor(most: number) {
    this.#most = most
  }

  get used(): number {
    return this.#used
  }

  /** Resolves once there is room; give it back with {@link give}. What is larger than all of it has it alone. */
  take(amount: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#fits(amount)) {
      this.#used += amount
      return Promise.resolve()
    }
    return new Promise((resolve) => this.#waiting.push({ amount, go: resolve }))
  }

  give(amount: number): void {
    this.#used -= amount
    for (;;) {
      const first = this.#waiting[0]
      if (first === undefined || !this.#fits(first.amount)) return
      this.#waiting.shift()
      this.#used += first.amount
      first.go()
    }
  }

  #fits(amount: number): boolean {
    return this.#used === 0 || this.#used + amount <= this.#most
  }
}

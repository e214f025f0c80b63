/** Parts of an answer between who writes them and who reads them: the writer hears when a part was taken, or that nobody reads any more. */
export class PartQueue {
  readonly #waiting: { readonly bytes: Uint8Array; readonly taken: () => void; readonly refused: (error: Error) => void }[] = []
  #isGone = false
  #ended: { readonly error: Error | undefined } | undefined
  #reader: (() => void) | undefined

  /** Resolves once it was taken: as many wait as the instance may have under way. */
  push(bytes: Uint8Array): Promise<void> {
    if (this.#isGone) return Promise.reject(new Error("nobody reads the answer"))
    return new Promise((taken, refused) => {
      this.#waiting.push({ bytes, taken, refused })
      this.#wake()
    })
  }

  /** No more parts come, well or not. */
  end(error?: Error): void {
    this.#ended = { error }
    this.#wake()
  }

  /** Nobody will read. */
  leave(): void {
    this.#isGone = true
    for (const { refused } of this.#waiting) refused(new Error("nobody reads the answer"))
    this.#waiting.length = 0
  }

  async *parts(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const part = this.#waiting.shift()
        if (part !== undefined) {
          yield part.bytes
          part.taken()
        } else if (this.#ended !== undefined) {
          if (this.#ended.error !== undefined) throw this.#ended.error
          return
        } else await new Promise<void>((resolve) => (this.#reader = resolve))
      }
    } finally {
      this.leave()
    }
  }

  #wake(): void {
    const reader = this.#reader
    this.#reader = undefined
    reader?.()
  }
}

/** Gathers text into UTF-8 bytes, piece by piece, so that a file's text never exists as one string. */

/** Text that is turned into bytes at once, in UTF-16 units. */
const pieceUnits = 64 * 1024

export class TextBytes {
  #pending = ""
  readonly #pieces: Uint8Array[] = []

  add(text: string): void {
    this.#pending += text
    if (this.#pending.length >= pieceUnits) this.#flush()
  }

  #flush(): void {
    this.#pieces.push(Buffer.from(this.#pending))
    this.#pending = ""
  }

  /** All bytes; it starts over. */
  take(): Uint8Array {
    this.#flush()
    const bytes = Buffer.concat(this.#pieces.splice(0))
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
}

/** Values of an answer that the wire formats write each in its own way. */

/** An instant. In JSON seconds with a fraction. */
export class Instant {
  readonly ms: number

  constructor(ms: number) {
    this.ms = ms
  }

  toJSON(): number {
    return this.ms / 1000
  }
}

/** Bytes. In JSON base64. */
export class Blob64 {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  toJSON(): string {
    const { buffer, byteOffset, length } = this.bytes
    return Buffer.from(buffer, byteOffset, length).toString("base64")
  }
}

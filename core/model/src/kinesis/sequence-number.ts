/**
 * Sequence numbers: decimal texts of 56 digits that grow with the offset, laid out as AWS's are (a 186-bit number: a 2,
 * the second in which the shard was made, a digit of the shard, the counter, the second of the put, the shard, a version),
 * so that what takes them apart or compares them as texts works. The counter is the record's offset and one more: 0 is the
 * place before the first record.
 */
const top = 2n << 184n
const counterShift = 80n
const mask = (bits: bigint): bigint => (1n << bits) - 1n

/** What a sequence number says. */
export interface Position {
  /** Second in which the shard was made. */
  readonly second: number
  readonly partition: number
  readonly offset: number
}

/** Writes the sequence numbers of one shard. */
export class SequenceNumbers {
  readonly #base: bigint

  /** @param second - when the shard was made, in whole seconds since 1970 */
  constructor(second: number, partition: number) {
    const made = BigInt(second)
    const shard = BigInt(partition)
    this.#base = top | (made << 148n) | ((shard & 15n) << 144n) | (made << 36n) | (shard << 4n) | 2n
  }

  of(offset: number): string {
    return (this.#base + (BigInt(offset + 1) << counterShift)).toString()
  }
}

/** Where a sequence number points; undefined for a text that is none of ours. */
export function positionOf(text: string): Position | undefined {
  if (!/^\d{56}$/.test(text)) return undefined
  const number = BigInt(text)
  const second = Number((number >> 148n) & mask(36n))
  const partition = Number((number >> 4n) & mask(32n))
  const offset = Number((number >> counterShift) & mask(64n)) - 1
  if (!Number.isSafeInteger(offset) || partition > 0xffff) return undefined
  // Only what was written here is read here.
  return new SequenceNumbers(second, partition).of(offset) === text ? { second, partition, offset } : undefined
}

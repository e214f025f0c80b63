/** Where the blocks of one stream and partition lie in one segment: columns of numbers, 28 bytes a block. */

const columnBytes = 8 + 8 + 4 + 4 + 4

/** One block's place, without stream and partition. */
export interface Place {
  readonly position: number
  readonly base: number
  readonly count: number
  readonly length: number
  readonly crc: number
}

export class BlockPlaces {
  #positions: Float64Array<ArrayBuffer>
  #bases: Float64Array<ArrayBuffer>
  #counts: Uint32Array<ArrayBuffer>
  #lengths: Uint32Array<ArrayBuffer>
  #crcs: Uint32Array<ArrayBuffer>
  size = 0

  constructor(capacity = 16) {
    this.#positions = new Float64Array(capacity)
    this.#bases = new Float64Array(capacity)
    this.#counts = new Uint32Array(capacity)
    this.#lengths = new Uint32Array(capacity)
    this.#crcs = new Uint32Array(capacity)
  }

  push(place: Place): void {
    if (this.size === this.#counts.length) this.#grow()
    const at = this.size++
    this.#positions[at] = place.position
    this.#bases[at] = place.base
    this.#counts[at] = place.count
    this.#lengths[at] = place.length
    this.#crcs[at] = place.crc
  }

  at(index: number): Place {
    return {
      position: this.#positions[index] as number,
      base: this.#bases[index] as number,
      count: this.#counts[index] as number,
      length: this.#lengths[index] as number,
      crc: this.#crcs[index] as number,
    }
  }

  /** First offset held. */
  get first(): number {
    return this.#bases[0] as number
  }

  /** One past the last offset held. */
  get end(): number {
    return (this.#bases[this.size - 1] as number) + (this.#counts[this.size - 1] as number)
  }

  /** Index of the block that holds an offset between {@link first} and {@link end}. */
  find(offset: number): number {
    let low = 0
    let high = this.size - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#bases[middle] as number) <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  get byteLength(): number {
    return this.#counts.length * columnBytes
  }

  /** The columns one after the other, for the file of a closed segment. */
  toBytes(): Buffer {
    const columns = [this.#positions, this.#bases, this.#counts, this.#lengths, this.#crcs]
    return Buffer.concat(columns.map((column) => Buffer.from(column.buffer, 0, this.size * column.BYTES_PER_ELEMENT)))
  }

  /** @param bytes - what {@link toBytes} gave, in memory of its own */
  static fromBytes(bytes: Uint8Array<ArrayBuffer>): BlockPlaces {
    const size = bytes.length / columnBytes
    const places = new BlockPlaces(0)
    let at = bytes.byteOffset
    const column = (width: number): number => (at += size * width) - size * width
    places.#positions = new Float64Array(bytes.buffer, column(8), size)
    places.#bases = new Float64Array(bytes.buffer, column(8), size)
    places.#counts = new Uint32Array(bytes.buffer, column(4), size)
    places.#lengths = new Uint32Array(bytes.buffer, column(4), size)
    places.#crcs = new Uint32Array(bytes.buffer, column(4), size)
    places.size = size
    return places
  }

  #grow(): void {
    const grown = <T extends Float64Array | Uint32Array>(to: T, from: T): T => {
      to.set(from)
      return to
    }
    const capacity = Math.max(16, this.#counts.length * 2)
    this.#positions = grown(new Float64Array(capacity), this.#positions)
    this.#bases = grown(new Float64Array(capacity), this.#bases)
    this.#counts = grown(new Uint32Array(capacity), this.#counts)
    this.#lengths = grown(new Uint32Array(capacity), this.#lengths)
    this.#crcs = grown(new Uint32Array(capacity), this.#crcs)
  }
}

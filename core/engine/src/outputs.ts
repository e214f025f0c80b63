/**
 * The entries that a transaction appends, one block per output stream and partition, in order. Can be rewound to a mark
 * when the processing of a record fails.
 */
import { BlockWriter, MillraceError, limits } from "@millrace/model"
import type { Append } from "./ports/store.ts"

class Output {
  readonly stream: string
  readonly partition: number
  readonly block: BlockWriter = new BlockWriter()

  constructor(stream: string, partition: number) {
    this.stream = stream
    this.partition = partition
  }
}

/** Lengths of all blocks at one moment. */
export type OutputsMark = ReadonlyArray<readonly [length: number, count: number]>

export class Outputs {
  readonly #byStream: Map<string, (Output | undefined)[]> = new Map()
  readonly #all: Output[] = []
  /** Bytes of all blocks, as told by {@link grew}. */
  bytes = 0

  /** The block of a stream and partition; operators keep it. */
  block(stream: string, partition: number): BlockWriter {
    let partitions = this.#byStream.get(stream)
    if (partitions === undefined) {
      partitions = []
      this.#byStream.set(stream, partitions)
    }
    let output = partitions[partition]
    if (output === undefined) {
      output = new Output(stream, partition)
      partitions[partition] = output
      this.#all.push(output)
    }
    return output.block
  }

  /**
   * A record was appended to one of the blocks.
   *
   * @throws MR1013 when the results of one record, or of one firing, outgrow what a transaction can carry
   */
  grew(bytes: number): void {
    this.bytes += bytes
    if (this.bytes <= limits.transactionBytesMax) return
    throw new MillraceError(
      "MR1013",
      `The results of one record outgrew ${limits.transactionBytesMax} bytes; give fewer or smaller ones, or send them in several steps.`,
      { most: limits.transactionBytesMax },
    )
  }

  mark(): OutputsMark {
    return this.#all.map(({ block }) => [block.length, block.count] as const)
  }

  rewind(mark: OutputsMark): void {
    for (const [i, { block }] of this.#all.entries()) {
      const [length, count] = mark[i] ?? [0, 0]
      block.rewind(length, count)
    }
    this.bytes = this.#all.reduce((sum, { block }) => sum + block.length, 0)
  }

  /** Forgets all, half a record that failed included. */
  clear(): void {
    for (const { block } of this.#all) block.rewind(0, 0)
    this.bytes = 0
  }

  /** The blocks that hold something; all start over. */
  take(): Append[] {
    const appends: Append[] = []
    this.bytes = 0
    for (const { stream, partition, block } of this.#all) {
      const { count } = block
      if (count > 0) appends.push({ stream, partition, count, block: block.take() })
    }
    return appends
  }
}

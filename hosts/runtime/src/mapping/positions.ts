/**
 * Where the mappings of a node are in their shards, kept in the node's state. What was committed last is also here in
 * memory: a deployment goes on from it without waiting for the disk.
 */
import { type ShardCheckpoint, type StateReader, positionOfCheckpoint } from "@millrace/engine"
import { StateChangesWriter, valueFrom } from "@millrace/model"

const scope = "@mappings"
/** Bucket of checkpoints by mapping. */
const checkpoints = 0
/** Bucket of the marks, of partition 0, that a mapping has started. */
const starts = 1
/** Bucket of what was redriven, by mapping and partition of its stream of failures. */
const redrives = 2

/** Where a redrive is in a partition of a stream of failures. */
export interface RedrivePosition {
  readonly offset: number
  /** Records of the batch at `offset` that the function has taken. */
  readonly taken: number
}

/** What is kept of a shard: `second` tells it from one of the same number in a stream that was made again. */
interface Kept {
  readonly second: number
  readonly checkpoint: ShardCheckpoint
}

export interface ShardPlace {
  /** Of the mapping. */
  readonly id: string
  readonly partition: number
  readonly second: number
}

export class Positions {
  readonly #state: StateReader
  /** What was committed here, by mapping and partition. */
  readonly #newest: Map<string, Kept> = new Map()
  readonly #started: Set<string> = new Set()
  readonly #redriven: Map<string, RedrivePosition> = new Map()
  readonly #changes = new StateChangesWriter()

  constructor(state: StateReader) {
    this.#state = state
  }

  /** What was committed and is not durable never happened. */
  forget(): void {
    this.#newest.clear()
    this.#started.clear()
    this.#redriven.clear()
  }

  get({ id, partition, second }: ShardPlace): ShardCheckpoint | undefined {
    const kept = this.#newest.get(nameOf(id, partition)) ?? this.#stored(id, partition)
    return kept?.second === second ? kept.checkpoint : undefined
  }

  hasStarted(id: string): boolean {
    return this.#started.has(id) || this.#state.get(scope, 0, starts, id) !== undefined
  }

  /** The state changes that keep a checkpoint; it counts from now on. */
  keep({ id, partition, second }: ShardPlace, checkpoint: ShardCheckpoint): Uint8Array {
    const kept: Kept = { second, checkpoint }
    this.#newest.set(nameOf(id, partition), kept)
    this.#put(checkpoints, partition, id, kept)
    return this.#changes.take()
  }

  /** The state changes that keep that a mapping has started. */
  start(id: string): Uint8Array {
    this.#started.add(id)
    this.#put(starts, 0, id, true)
    return this.#changes.take()
  }

  /** The state changes that forget a mapping. */
  remove(id: string, partitions: number): Uint8Array {
    const changes = this.#changes
    this.#started.delete(id)
    for (let partition = 0; partition < partitions; partition++) {
      this.#newest.delete(nameOf(id, partition))
      this.#redriven.delete(nameOf(id, partition))
      for (const bucket of partition === 0 ? [checkpoints, starts, redrives] : [checkpoints, redrives]) {
        changes.beginBucket(scope, partition, bucket, false)
        changes.remove(id)
        changes.endBucket()
      }
    }
    return changes.take()
  }

  /** How far what a mapping has given up was redriven. */
  redriven(id: string, partition: number): RedrivePosition | undefined {
    const newest = this.#redriven.get(nameOf(id, partition))
    if (newest !== undefined) return newest
    const bytes = this.#state.get(scope, partition, redrives, id)
    return bytes === undefined ? undefined : (valueFrom(bytes) as RedrivePosition)
  }

  /** The state changes that keep it; it counts from now on. */
  redrive(id: string, partition: number, position: RedrivePosition): Uint8Array {
    this.#redriven.set(nameOf(id, partition), position)
    this.#put(redrives, partition, id, position)
    return this.#changes.take()
  }

  /** The oldest offset that a restart from what is folded would need; 0: all that there is. */
  neededFrom(id: string, partition: number): number {
    const kept = this.#stored(id, partition)
    return kept === undefined ? 0 : positionOfCheckpoint(kept.checkpoint)
  }

  #stored(id: string, partition: number): Kept | undefined {
    const bytes = this.#state.get(scope, partition, checkpoints, id)
    return bytes === undefined ? undefined : (valueFrom(bytes) as Kept)
  }

  #put(bucket: number, partition: number, id: string, value: unknown): void {
    const changes = this.#changes
    changes.beginBucket(scope, partition, bucket, false)
    changes.value(id, value)
    changes.endBucket()
  }
}

function nameOf(id: string, partition: number): string {
  return `${id}\n${partition}`
}

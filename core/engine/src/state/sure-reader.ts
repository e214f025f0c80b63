/**
 * A reader of state that remembers when the store could not give what it holds: then no record is to blame, and what user code made of
 * the missing value, or of an error that it caught, must not be committed.
 */
import type { StateRange, StateReader } from "../ports/store.ts"

/** The store could not be read; `cause` says why. */
export class StateFault extends Error {
  constructor(cause: unknown) {
    super("the state could not be read", { cause })
  }
}

export class SureReader implements StateReader {
  readonly #reader: StateReader
  /** The first that happened. */
  fault: StateFault | undefined

  constructor(reader: StateReader) {
    this.#reader = reader
  }

  buckets(scope: string, partition: number): number[] {
    try {
      return this.#reader.buckets(scope, partition)
    } catch (cause) {
      throw this.#failed(cause)
    }
  }

  get(scope: string, partition: number, bucket: number, key: string): Uint8Array | undefined {
    try {
      return this.#reader.get(scope, partition, bucket, key)
    } catch (cause) {
      throw this.#failed(cause)
    }
  }

  *entries(scope: string, partition: number, bucket: number, range?: StateRange): Iterable<readonly [string, Uint8Array]> {
    try {
      yield* this.#reader.entries(scope, partition, bucket, range)
    } catch (cause) {
      throw this.#failed(cause)
    }
  }

  close(): void {
    this.#reader.close()
  }

  #failed(cause: unknown): StateFault {
    this.fault ??= new StateFault(cause)
    return this.fault
  }
}

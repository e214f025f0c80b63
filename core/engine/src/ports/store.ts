/**
 * The store: what the engine asks of a durable log with state beside it. A commit is atomic: all of its appends and
 * state changes are there after a crash, or none. Commits are ordered, and a prefix of them is always consistent, so
 * later commits may build on earlier ones that are not yet durable; only what leaves the process waits for `durable`.
 */

/** Entries to append to one stream and partition. */
export interface Append {
  readonly stream: string
  readonly partition: number
  /** Entries in the block, marks included. */
  readonly count: number
  readonly block: Uint8Array
}

export interface Commit {
  readonly appends: readonly Append[]
  /** Encoded by `StateChangesWriter`; applied in order. */
  readonly state: readonly Uint8Array[]
  /** Nobody waits for it: it may wait a moment for others with which it is written and synced. Asking when it is durable ends that. */
  readonly isPatient?: boolean
}

/** What `append` decided at once; the bytes may not be on the disk yet. */
export interface Committed {
  /** Number of this commit, growing by one: give it to `durable`. */
  readonly sequence: number
  /** The offset at which each append begins, in the order of the commit's appends. */
  readonly bases: readonly number[]
}

/** Consecutive entries of one stream and partition. */
export interface Slice {
  /** Offset of the block's first entry. */
  readonly base: number
  readonly count: number
  readonly block: Uint8Array
}

/** The offsets that a stream and partition holds. */
export interface Extent {
  /** Oldest offset still kept. */
  readonly first: number
  /** One past the newest offset on the disk: readers outside the process stop here. */
  readonly durable: number
  /** One past the newest offset appended. */
  readonly next: number
}

/** What retention is asked about: whether a stretch of a partition is still wanted. */
export interface Stretch {
  readonly stream: string
  readonly partition: number
  /** One past the last offset of the stretch. */
  readonly end: number
  /** When its last entry was appended, in ms. */
  readonly appendedAt: number
}

/** Which keys of a bucket are wanted. */
export interface StateRange {
  /** Those that begin with this. */
  readonly prefix?: string
  /** Those behind this key. */
  readonly after?: string
  /** At most so many. @default all */
  readonly limit?: number
}

/** Reads state as of the last fold. Synchronous, so that operators are; each worker has its own. */
export interface StateReader {
  /** The buckets that hold keys, ascending. */
  buckets(scope: string, partition: number): number[]
  /** The value of a key; may be reused by the next call: decode or copy it. */
  get(scope: string, partition: number, bucket: number, key: string): Uint8Array | undefined
  /**
   * The keys of a bucket in the order of their UTF-8 bytes: all, or those of a range. Values may be reused by the next step of
   * the iteration: decode or copy them.
   */
  entries(
    scope: string,
    partition: number,
    bucket: number,
    range?: StateRange,
  ): Iterable<readonly [key: string, value: Uint8Array]>
  close(): void
}

export interface Store {
  /**
   * Takes a commit and decides its offsets; the write follows by itself, grouped with others.
   *
   * @throws MR1303 or MR1304 while the disk refuses writes, MR1302 after damage
   */
  append(commit: Commit): Committed
  /**
   * Resolves once the commit and all before it are on the disk. Rejects with the reason (MR1303, MR1304) when they
   * could not be written: then that commit and all after it never happened, and `onLost` was told first.
   */
  durable(sequence: number): Promise<void>
  /** Bytes taken by `append` and not yet on the disk. */
  readonly queuedBytes: number
  /** One past the newest commit that is on the disk. */
  readonly durableSequence: number
  extent(stream: string, partition: number): Extent
  /**
   * Entries from an offset on, appended but perhaps not yet durable ones included; the first slice contains `from` and
   * may begin before it. Empty at the end of the log.
   *
   * @throws MR1014 when `from` is older than what is kept, MR1302 when the bytes are damaged
   */
  read(stream: string, partition: number, from: number, bytesMost: number): Promise<Slice[]>
  /** Makes the state of every durable commit visible to readers opened or first asked afterwards, and bounds recovery. */
  fold(): Promise<void>
  /** Journal bytes that a recovery would have to apply. */
  readonly unfoldedBytes: number
  /** One past the newest commit whose state readers see. */
  readonly foldedSequence: number
  /** A reader for this thread; other threads open theirs through the adapter. */
  readonly state: StateReader
  /** Deletes the oldest stored data while nothing in it is wanted; returns the bytes given back. */
  sweep(wanted: (stretch: Stretch) => boolean): Promise<number>
  /** Waits until all is durable, folds if asked, and lets go of the directory. */
  close(options?: { readonly fold?: boolean }): Promise<void>
}

/** Told when commits that were appended could not be written: everything from `sequence` on never happened. */
export type OnLost = (sequence: number, reason: Error) => void

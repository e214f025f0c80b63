/**
 * What workers have done, on its way to the disk: their transactions are committed in the order in which they come, the books of their seats
 * brought up to date, and each worker told what has been taken, so that it does not run ahead of the disk.
 */
import { type Plan, isMillraceError, limits } from "@millrace/model"
import type { Bench } from "./bench.ts"
import type { Feed } from "./feed.ts"
import type { Feeds } from "./feeds.ts"
import type { TransactionData } from "./messages.ts"
import type { WorkshopOptions } from "./workshop-options.ts"

export interface HarvestHost {
  readonly plans: () => readonly Plan[]
  /** A seat's transaction was committed, and its book says so. */
  readonly onTook: (feed: Feed) => void
}

export class Harvest {
  readonly #options: WorkshopOptions
  readonly #feeds: Feeds
  readonly #host: HarvestHost
  /** The newest commit. */
  #newest = 0

  constructor(options: WorkshopOptions, feeds: Feeds, host: HarvestHost) {
    this.#options = options
    this.#feeds = feeds
    this.#host = host
  }

  take(transactions: readonly TransactionData[], parcel: Uint8Array): void {
    const { events } = this.#options
    let sequence: number
    try {
      sequence = events.onTransactions(transactions, parcel)
      this.#newest = sequence
    } catch (error) {
      // The disk refuses: whoever watches it has been told and halts the workshop.
      if (isMillraceError(error)) return
      throw error
    }
    for (const transaction of transactions) {
      const feed = this.#feeds.of(transaction.seat)
      if (feed === undefined) continue
      feed.took(transaction, sequence)
      events.onDue(transaction.tickAt)
      if (transaction.deadLetters > 0) this.#tellDeadLetters(feed)
      this.#host.onTook(feed)
    }
  }

  /** Tells a worker that what it sent is on its way to the disk: at once while the disk keeps up, else when it has caught up. */
  acknowledge({ handle }: Bench, bytes: number): void {
    const { store, bounds } = this.#options
    if (handle === undefined) return
    if (store.queuedBytes <= bounds.journalQueueBytesMax) handle.taken(bytes)
    else {
      store.durable(this.#newest).then(
        () => handle.taken(bytes),
        () => undefined,
      )
    }
  }

  /** Now and then: what fails once often fails a thousand times. */
  #tellDeadLetters(feed: Feed): void {
    const now = performance.now()
    if (now - feed.toldAt < limits.deadLettersToldMs) return
    feed.toldAt = now
    const letters = this.#host.plans().find(({ service }) => service === feed.seat.service)?.stages.find(({ id }) => id === feed.seat.stage)?.deadLetters
    const sentence = `a record could not be processed; see why: millrace tail ${letters} --from earliest`
    this.#options.log.warn({ seat: feed.seat, deadLetters: feed.deadLetters }, sentence)
  }
}

/**
 * Gives seats their input while they have room: what was just appended, by its offsets alone where the seat's worker has decoded it, and
 * what lies in the log from there on. Each entry goes to each seat once, in order; a seat that is opened anew begins where it had committed.
 */
import type { Append, Store } from "@millrace/engine"
import { errorData, limits } from "@millrace/model"
import type { Origin } from "./commits.ts"
import type { Feed } from "./feed.ts"
import type { Feeds } from "./feeds.ts"
import type { Log } from "./log.ts"
import { faultFacts } from "./logged-error.ts"
import type { ToWorker } from "./messages.ts"

export interface SupplyHost {
  readonly store: Store
  readonly log: Log
  readonly feeds: Feeds
  readonly clock: () => number
  readonly post: (worker: number, message: ToWorker, transfer?: ArrayBuffer[]) => void
  /** Takes a seat that is asleep: it has input. */
  readonly wake: (feed: Feed) => void
  /** A seat has been given more. */
  readonly onGiven: (feed: Feed) => void
  readonly isStopped: () => boolean
}

export class Supply {
  readonly #host: SupplyHost

  constructor(host: SupplyHost) {
    this.#host = host
  }

  /** Blocks were appended: hands them on to the seats that read them and are up to date, decoded ones by their offsets alone. */
  onAppended(appends: readonly Append[], bases: readonly number[], origin: Origin | undefined): void {
    const { clock, feeds, post, wake } = this.#host
    const kept = origin === undefined ? [] : bases.map(() => -1)
    const now = clock()
    for (const [i, { stream, partition, count, block }] of appends.entries()) {
      const base = bases[i] as number
      for (const feed of feeds.readersOf(stream, partition)) {
        feed.lagBytes += block.length
        if (!feed.takes(base)) {
          if (feed.state === "asleep") wake(feed)
          else this.pump(feed)
          continue
        }
        feed.sent(base + count, block.length)
        if (origin !== undefined && origin.worker === feed.worker && origin.service === feed.seat.service) kept[i] = base
        else {
          const copy = block.slice()
          post(feed.worker, { kind: "input", seat: feed.seat, base, skip: 0, block: copy, now }, [copy.buffer])
        }
      }
    }
    if (origin !== undefined) {
      post(origin.worker, { kind: "appended", id: origin.ingest, service: origin.service, bases: kept, now })
    }
  }

  /** Reads from the log what a seat has not been given, while it has room. */
  pump(feed: Feed): void {
    if (feed.state !== "open" || feed.reading || !feed.hasRoom) return
    const { store, log, clock, post, onGiven, isStopped } = this.#host
    const { name } = feed.input
    const { partition } = feed.seat
    if (feed.next >= store.extent(name, partition).next) return
    feed.reading = true
    const { opening } = feed
    store
      .read(name, partition, feed.next, limits.stageInFlightBytesMax / 2)
      .then((slices) => {
        // The seat may have been closed and opened again meanwhile, from another offset on.
        if (feed.opening !== opening) return
        feed.reading = false
        feed.error = undefined
        if (feed.state !== "open") return
        for (const { base, count, block } of slices) {
          if (base + count <= feed.next) continue
          const skip = Math.max(0, feed.next - base)
          const copy = block.slice()
          feed.sent(base + count, block.length)
          post(feed.worker, { kind: "input", seat: feed.seat, base, skip, block: copy, now: clock() }, [copy.buffer])
        }
        onGiven(feed)
        this.pump(feed)
      })
      .catch((error: unknown) => {
        if (feed.opening !== opening || isStopped()) return
        feed.reading = false
        const data = errorData(error)
        // Each tick tries again; once is enough to say so.
        if (feed.error?.message !== data.message) {
          log.error({ seat: feed.seat, from: feed.next, ...faultFacts(error) }, "input could not be read; the partition stands still")
        }
        feed.error = data
      })
  }
}

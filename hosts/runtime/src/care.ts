/**
 * What a node does by the clock: ticks for its stages, requests that wait for a held worker, checkpoints, retention, another try at
 * a disk that refused, and what others want done later. Not for: deciding anything; that is for those whose turn it is.
 */
import { type Store, type Stretch, storedConsumed } from "@millrace/engine"
import type { Bounds } from "./bounds.ts"
import type { Deliveries } from "./deliveries.ts"
import type { IntakeDesk } from "./intake-desk.ts"
import type { Log } from "./log.ts"
import { faultFacts } from "./logged-error.ts"
import type { Mappings } from "./mapping/mappings.ts"
import type { Streams } from "./streams.ts"
import type { TaskDesk } from "./tasks/task-desk.ts"
import type { Workshop } from "./workshop.ts"

/** Data of streams that no service defines any more is kept this long, in ms: a day. */
const unknownRetentionMs = 86_400_000

export interface CareParts {
  readonly store: Store
  readonly clock: () => number
  readonly log: Log
  readonly bounds: Bounds
  readonly deliveries: Deliveries
  readonly mappings: Mappings
  readonly tasks: TaskDesk
  readonly desk: IntakeDesk
  /** The one of the services that run now. */
  readonly workshop: () => Workshop
  readonly streams: () => Streams
  readonly isReady: () => boolean
  /** Whether the disk refuses writes. */
  readonly isRefused: () => boolean
  /** Looks whether the disk takes writes again. */
  readonly probe: () => Promise<void>
}

export class Care {
  readonly #parts: CareParts
  #folding = false
  #sweeping = false
  #swept = 0
  #regular: NodeJS.Timeout | undefined
  #probing: Promise<void> | undefined
  readonly #timers: Set<NodeJS.Timeout> = new Set()
  #nextDue = Number.POSITIVE_INFINITY
  #dueTimer: NodeJS.Timeout | undefined

  constructor(parts: CareParts) {
    this.#parts = parts
  }

  begin(): void {
    this.#regular = setInterval(() => this.#look(), this.#parts.bounds.careMs)
  }

  /** No more ticks; what was put off is done all the same. */
  stop(): void {
    clearInterval(this.#regular)
    clearTimeout(this.#dueTimer)
  }

  /** What was put off is not done any more. */
  forget(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }

  /** Waits for what is under way. */
  async settled(): Promise<void> {
    await this.#probing
  }

  later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      act()
    }, ms)
    this.#timers.add(timer)
  }

  /** Looks after the seats when something is due, rather than a little later. */
  dueAt(at: number): void {
    const { clock, bounds, isReady, workshop } = this.#parts
    if (at >= this.#nextDue || at === Number.POSITIVE_INFINITY) return
    const wait = Math.ceil(at - clock())
    // The regular look is soon enough, or the clock is not this machine's.
    if (wait >= bounds.careMs) return
    clearTimeout(this.#dueTimer)
    this.#nextDue = at
    this.#dueTimer = setTimeout(
      () => {
        this.#nextDue = Number.POSITIVE_INFINITY
        if (isReady()) workshop().tick(clock())
      },
      Math.max(0, wait),
    )
  }

  #look(): void {
    const { store, clock, log, bounds, desk, tasks, workshop, isRefused, probe } = this.#parts
    if (isRefused()) {
      this.#probing ??= probe().finally(() => (this.#probing = undefined))
      return
    }
    const now = clock()
    workshop().tick(now)
    desk.look()
    const unfolded = store.unfoldedBytes
    if (!this.#folding && (unfolded > bounds.checkpointBytes || (unfolded > bounds.checkpointBytesMin && workshop().feeds.overMemory))) {
      this.#folding = true
      store
        .fold()
        .catch((error: unknown) => log.error(faultFacts(error), "the checkpoint could not be written"))
        .finally(() => {
          this.#folding = false
        })
    }
    if (!this.#sweeping && now - this.#swept >= bounds.sweepMs) {
      this.#sweeping = true
      this.#swept = now
      store
        .sweep((stretch) => this.#wanted(stretch, now))
        .catch((error: unknown) => log.error(faultFacts(error), "old data could not be removed"))
        .finally(() => {
          this.#sweeping = false
        })
    }
    tasks.sweepValues(now)
  }

  /** What the state of the last fold, from which a restart goes on, still needs. */
  #wanted({ stream, partition, end, appendedAt }: Stretch, now: number): boolean {
    const { store, deliveries, mappings, workshop } = this.#parts
    const streams = this.#parts.streams()
    if (deliveries.neededFrom(stream, partition) < end || mappings.neededFrom(stream, partition) < end) return true
    const plan = streams.has(stream) ? streams.get(stream) : undefined
    if (plan === undefined) return now - appendedAt < unknownRetentionMs
    for (const { input, seat } of workshop().feeds.all) {
      if (input.name !== stream || seat.partition !== partition) continue
      if (storedConsumed(store.state, seat.service, seat.stage, partition) < end) return true
    }
    if (plan.role === "sink") return deliveries.openFrom(stream, partition) < end
    return plan.role !== "repartition" && now - appendedAt < plan.retentionMs
  }
}

/**
 * A place for one worker: starts a thread when there is something to post, keeps messages until it runs, and starts another when it has
 * died. It knows no seats: who has them is told of each start, death and failure.
 *
 * Starts and deaths that follow each other and bring nothing about are set apart by a rest, each longer than the one before.
 */
import { type ErrorData, type Plan, errorData, limits } from "@millrace/model"
import type { FromWorker, ToWorker } from "./messages.ts"
import type { Loaded, WorkerEnd, WorkerEvents, WorkerHandle } from "./worker-handle.ts"

/** Whose bench it is. */
export interface BenchHost {
  /** Starts a thread with what is to run now. @throws what loading the services throws */
  begin(events: WorkerEvents): Promise<[WorkerHandle, Loaded]>
  /** Whether no worker is wanted any more. */
  isOver(): boolean
  /** @throws MR1103 when a worker's plans are others than those that run */
  assertSame(plans: readonly Plan[]): void
  onMessage(bench: Bench, message: FromWorker): void
  /** A worker runs, and has been given what waited for it. */
  onStarted(): void
  /** No worker could be started: it is tried again. */
  onBroken(bench: Bench, error: ErrorData): void
  /** A worker is gone. */
  onEnd(bench: Bench, end: WorkerEnd): void
}

const restMsMin = 100

export class Bench {
  readonly place: number
  readonly #host: BenchHost
  #handle: WorkerHandle | undefined
  /** Messages that wait for the worker to start. */
  #outbox: ToWorker[] = []
  #starting: Promise<void> | undefined
  /** Its seats are about to be taken. */
  recovering = false
  /** Workers that ended here. */
  replaced = 0
  /** Why no worker could be started. */
  broken: ErrorData | undefined
  /** Deaths and failed starts since a worker here last brought something about. */
  #failures = 0
  /** No worker is started before this time on the steady clock, in ms. */
  #restsUntil = 0
  /** Messages that its worker had been given when it was last seen at work, and when that was on the steady clock, in ms. */
  #posted = 0
  #busyAt: number = performance.now()

  constructor(place: number, host: BenchHost) {
    this.place = place
    this.#host = host
  }

  /** Its worker; undefined: none runs. */
  get handle(): WorkerHandle | undefined {
    return this.#handle
  }

  /** Messages before its worker, the one in hand among them; one that does not run counts as one. */
  get backlog(): number {
    return this.#handle === undefined ? this.#outbox.length + 1 : this.#handle.backlog
  }

  /** Starts the first worker, which tells the plans. @throws what loading the services throws */
  async load(): Promise<Loaded> {
    const [handle, loaded] = await this.#begin()
    this.#handle = handle
    return loaded
  }

  /** Posts a message, starting the worker when need be. */
  post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (this.#handle !== undefined) return this.#handle.post(message, transfer)
    this.#outbox.push(message)
    this.#start()
  }

  /** Posts a message if its worker runs or is about to: one that starts later knows already. */
  tell(message: ToWorker): void {
    if (this.#handle !== undefined) this.#handle.post(message)
    else if (this.#starting !== undefined) this.#outbox.push(message)
  }

  /** Takes the body of an ingest out of what waits for the worker to start. */
  withdraw(ingest: number): void {
    this.#outbox = this.#outbox.filter((message) => message.kind !== "ingest" || message.id !== ingest)
  }

  /** Starts a worker where one is missing, once it has rested. */
  look(): void {
    if (this.#outbox.length > 0) this.#start()
  }

  /** Its worker has brought something about. */
  onHeadway(): void {
    this.#failures = 0
  }

  /** Sees whether its worker has nothing in hand and nothing waiting, and has been posted nothing since it was seen before. */
  isResting(): boolean {
    const handle = this.#handle
    if (handle === undefined) return false
    if (handle.posted === this.#posted) return handle.idle
    this.#posted = handle.posted
    return false
  }

  /** Whether its worker has rested for so long, in ms; then it is asked anew after as long. @param rests - whether it rests now */
  hasRested(rests: boolean, idleMs: number): boolean {
    const at = performance.now()
    if (!rests) this.#busyAt = at
    if (at - this.#busyAt < idleMs) return false
    this.#busyAt = at
    return true
  }

  /** Ends its worker, which is not counted among those that died; what waits for one is forgotten. */
  async stop(): Promise<void> {
    const handle = this.#handle
    const starting = this.#starting
    this.#handle = undefined
    this.#outbox = []
    await handle?.stop()
    await starting
  }

  #begin(): Promise<[WorkerHandle, Loaded]> {
    this.#busyAt = performance.now()
    this.#posted = 0
    return this.#host.begin({ onMessage: (message) => this.#host.onMessage(this, message), onEnd: (end) => this.#onEnd(end) })
  }

  #start(): void {
    const host = this.#host
    if (this.#starting !== undefined || this.#handle !== undefined || performance.now() < this.#restsUntil) return
    this.#starting = this.#begin()
      .then(async ([handle, { plans }]) => {
        this.#starting = undefined
        if (host.isOver()) return await handle.stop()
        try {
          host.assertSame(plans)
        } catch (error) {
          await handle.stop()
          throw error
        }
        this.#handle = handle
        this.broken = undefined
        for (const message of this.#outbox.splice(0)) handle.post(message)
        host.onStarted()
      })
      .catch((error: unknown) => {
        this.#starting = undefined
        if (host.isOver()) return
        this.#outbox = []
        this.broken = errorData(error)
        this.#rest()
        host.onBroken(this, this.broken)
      })
  }

  #onEnd(end: WorkerEnd): void {
    this.#handle = undefined
    this.#outbox = []
    this.replaced++
    this.#rest()
    this.#host.onEnd(this, end)
  }

  /** Waits before the next start, the longer the more often nothing came of it. */
  #rest(): void {
    const wait = this.#failures === 0 ? 0 : Math.min(limits.workerRestMsMax, restMsMin * 2 ** Math.min(this.#failures - 1, 20))
    this.#failures++
    this.#restsUntil = performance.now() + wait
  }
}

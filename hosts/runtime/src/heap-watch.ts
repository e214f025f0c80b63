/**
 * Bounds the heap of a thread that runs user code. V8's own limit cannot: when it is reached, Node gives the thread 16 MB more in which
 * to notice that it is to end, and code that fills them before it does takes the whole process along. So V8's limit lies far above the
 * thread's, and the thread's is held by looking at its heap several times a second.
 *
 * Not for what lies outside the heap, and no help against one call into the engine that fills all of the room above at once: nobody
 * can end a thread in the middle of that.
 *
 * 1. A thread whose heap is beyond its limit is asked to collect its garbage; it is over its limit when that much is still in use.
 * 2. A thread that does not come to answer is over its limit once half of the room above is in use: garbage
 *    alone seldom reaches so far, as V8 looks for it by then.
 * 3. A thread that rests is not woken for a look.
 */
import type { Worker } from "node:worker_threads"
import { limits } from "@millrace/model"

const megabyte = 1_048_576

/** What V8 is told for a thread that may take so much. From 2,048 MB on V8 lets garbage take three times what is in use, so not without need. */
export function engineHeapMegabytes(megabytes: number): number {
  const ample = megabytes + limits.heapHeadroomMegabytesMax
  return ample > limits.engineHeapMegabytesMax && megabytes + limits.heapHeadroomMegabytesMin <= limits.engineHeapMegabytesMax
    ? limits.engineHeapMegabytesMax
    : ample
}

export interface HeapWatchEvents {
  /** The thread is to collect its garbage when it can, and then to say what is in use. */
  onCollect(): void
  /** @param answers - whether the thread came to answer: it is in nobody's hand */
  onOver(answers: boolean): void
}

type WatchedThread = Pick<Worker, "getHeapStatistics" | "performance">

export class HeapWatch {
  readonly #worker: WatchedThread
  readonly #events: HeapWatchEvents
  readonly #limitBytes: number
  /** See 2. */
  readonly #certainBytes: number
  #isLooking = false
  #isCollecting = false
  /** How long it had been at work when it was last looked at, in ms. */
  #activeMs = Number.NEGATIVE_INFINITY
  /** Looks until it is asked again: collecting costs as much as is in use. */
  #pause = 0

  constructor(worker: WatchedThread, megabytes: number, events: HeapWatchEvents) {
    this.#worker = worker
    this.#events = events
    this.#limitBytes = megabytes * megabyte
    this.#certainBytes = ((megabytes + engineHeapMegabytes(megabytes)) / 2) * megabyte
  }

  /** To be called every `limits.heapLookMs`. A thread that cannot answer yet is not asked twice. */
  look(): void {
    if (this.#pause > 0) this.#pause--
    if (this.#isLooking || this.#rests()) return
    this.#isLooking = true
    this.#worker.getHeapStatistics().then(
      ({ used_heap_size: bytes, external_memory: outside }) => {
        this.#isLooking = false
        this.seen(bytes, outside)
      },
      // It is gone, or has not begun yet: on a busy machine that takes longer than a look.
      () => {
        this.#isLooking = false
      },
    )
  }

  /** 3. Known without waking it. Before its loop runs, it is at work. */
  #rests(): boolean {
    const { active, idle } = this.#worker.performance.eventLoopUtilization()
    if (active + idle > 0 && active - this.#activeMs < limits.heapLookActiveMsMin) return true
    this.#activeMs = active
    return false
  }

  /** @param outside - bytes outside of the heap, where those count */
  seen(bytes: number, outside: number): void {
    if (bytes > this.#certainBytes || outside > this.#limitBytes) return this.#events.onOver(false)
    if (bytes <= this.#limitBytes || this.#isCollecting || this.#pause > 0) return
    this.#isCollecting = true
    this.#events.onCollect()
  }

  /** The thread has collected its garbage. */
  collected(bytes: number): void {
    this.#isCollecting = false
    this.#pause = limits.heapCollectMsMin / limits.heapLookMs
    if (bytes > this.#limitBytes) this.#events.onOver(true)
  }
}

/**
 * Gives memory back when its thread rests. V8 looks for garbage while code runs, and lets the heap grow far beyond what is in use before
 * it does; after a burst of work nothing runs, so the burst's garbage would stay for as long as the thread rests.
 *
 * Not for a thread that works: there V8 does it itself, in small steps. Not for the main thread of a program that has a node in it: when
 * that rests is the program's own affair.
 */
import { performance } from "node:perf_hooks"
import { getHeapStatistics, setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { limits } from "@millrace/model"

/** A thread rests when it was at work for less of the time than this. */
const restingShare = 0.01

/** What it knows of its thread, and may do. */
export interface Heap {
  /** The share of the time since it was last asked that the thread was at work. */
  busyShare(): number
  /** Bytes that the heap takes, in use or not. */
  bytes(): number
  collect(): void
}

export class RestingHeap {
  readonly #heap: Heap
  /** What the heap took when there was no garbage in it. */
  #clean: number

  constructor(heap: Heap) {
    this.#heap = heap
    this.#clean = heap.bytes()
  }

  /** To be called now and then. */
  look(): void {
    const heap = this.#heap
    if (heap.busyShare() > restingShare || heap.bytes() < this.#clean + limits.garbageBytesMax) return
    heap.collect()
    this.#clean = heap.bytes()
    // Collecting is no work of the thread's.
    heap.busyShare()
  }
}

/** From now on, until the calling thread ends. */
export function giveMemoryBackAtRest(): void {
  let last = performance.eventLoopUtilization()
  let collect: (() => void) | undefined
  const heap = new RestingHeap({
    busyShare() {
      const before = last
      last = performance.eventLoopUtilization()
      return performance.eventLoopUtilization(last, before).utilization
    },
    bytes: () => getHeapStatistics().total_heap_size,
    collect() {
      collect ??= collector()
      collect()
    },
  })
  setInterval(() => heap.look(), limits.restLookMs).unref()
}

/** V8's own, for the calling thread; it is otherwise had by a flag of the command line. */
export function collector(): () => void {
  setFlagsFromString("--expose-gc")
  return runInNewContext("gc") as () => void
}

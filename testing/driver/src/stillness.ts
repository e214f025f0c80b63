/**
 * How long code that runs for real is waited for. Not for telling what it does: only whether it may still go on by itself.
 *
 * 1. Once nothing in the process could wake the code up any more (no timer, no socket, no file, no work of a thread), it is over at once:
 *    only the test's clock can go on, and nobody sits out time for nothing.
 * 2. While something could, it is over after the test's patience.
 * 3. What was there before any test (pipes and ports of the test runner) wakes nobody.
 *
 * Timers that do not hold a process (`unref`, `AbortSignal.timeout`) do not count: without a test, too, the process would end before them.
 */
import { createHook } from "node:async_hooks"

/** Between two looks, in ms. */
const lookMs = 1
/** Looks in a row that find nothing. */
const quietLooks = 4

/** Work of threads under way, which the process does not list: compression, cryptography. */
const working: Set<number> = new Set()
/** Timers of looks. */
let looking = 0
/** The runner's own handles, by type. */
const runners: ReadonlyMap<string, number> = runnersHandles()
let isWatching = false

/** Waiting that ends by itself: `over` resolves when it is of no use any more. */
export class Patience {
  readonly over: Promise<void>
  readonly #until: number
  #timer: NodeJS.Timeout | undefined
  #quiet = 0

  constructor(ms: number) {
    watchThreads()
    this.#until = performance.now() + ms
    this.over = new Promise((resolve) => this.#look(resolve))
  }

  /** What was waited for has come. */
  end(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    looking--
  }

  #look(resolve: () => void): void {
    looking++
    this.#timer = setTimeout(() => {
      this.#quiet = isStill() ? this.#quiet + 1 : 0
      this.end()
      if (this.#quiet >= quietLooks || performance.now() >= this.#until) resolve()
      else this.#look(resolve)
    }, lookMs)
  }
}

function runnersHandles(): ReadonlyMap<string, number> {
  // They are opened when they are first used, which may be later.
  void [process.stdout, process.stderr]
  return new Map([...counted()].filter(([type]) => /^(PipeWrap|TTYWrap|MessagePort)$/.test(type)))
}

/** From before code runs, work of threads is counted. */
export function watchThreads(): void {
  if (isWatching) return
  isWatching = true
  const hook = {
    init: (id: number, type: string) => {
      if (type.endsWith("REQUEST") || type === "ZLIB") working.add(id)
    },
    destroy: (id: number) => void working.delete(id),
    // Promises are of no interest; a Node that does not know this tells of them too.
    trackPromises: false,
  }
  createHook(hook).enable()
}

/** Whether nothing could wake anything up; called by a timer of a look. */
function isStill(): boolean {
  if (working.size > 0) return false
  for (const [type, count] of counted()) {
    const known = type === "Timeout" ? looking : (runners.get(type) ?? 0)
    if (count > known) return false
  }
  return true
}

function counted(): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1)
  return counts
}

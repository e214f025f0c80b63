/**
 * Which runs the code of other runs has called, waits for, and has begun alone: they are cancelled with it, when it is cut off.
 *
 * Not for: runs that were sent, or joined by a key: those are their own. Who waits for a place that its caller holds: waits.ts.
 *
 * It knows of those only that were called in this process: of what was called before a crash, nothing.
 *
 * 1. Who is called under an idempotency key belongs to the run that calls it, as a further attempt joins it; any other to the attempt.
 * 2. What another has joined goes on for that one.
 * 3. Code that ends by itself leaves alone what it has called and does not wait for.
 */
import type { AbortCall } from "./effects.ts"
import type { RunStatus } from "./run.ts"
import type { WaitingRun } from "./waits.ts"

/** A call of a run's code, from before it is known which run it has begun. */
export interface RunCall {
  readonly from: WaitingRun
  /** Whether it has an idempotency key. */
  readonly isKeyed: boolean
  /** Undefined: it is not known yet. */
  id: string | undefined
  /** Why it is to be cancelled as soon as it is known. */
  cut: string | undefined
  /** So many have joined it. */
  joins: number
}

/** A run that is to be cancelled, and why. */
export interface CutRun {
  readonly id: string
  readonly reason: string
}

export class CalledRuns {
  /** By the id of who calls. */
  readonly #byCaller: Map<string, Set<RunCall>> = new Map()
  /** By the task and lease of who calls. */
  readonly #byCall: Map<string, Set<RunCall>> = new Map()
  /** By their own ids. */
  readonly #known: Map<string, RunCall> = new Map()

  /** Whether nobody is known who calls. */
  get isEmpty(): boolean {
    return this.#byCaller.size === 0
  }

  /** A run's code calls another task. */
  begin(from: WaitingRun, isKeyed: boolean): RunCall {
    const called: RunCall = { from, isKeyed, id: undefined, cut: undefined, joins: 0 }
    add(this.#byCaller, from.id, called)
    add(this.#byCall, callName(from.task, from.lease), called)
    return called
  }

  /** The call has begun this run. @returns it, when it is to be cancelled at once */
  become(called: RunCall, id: string): CutRun | undefined {
    called.id = id
    if (called.cut !== undefined) return { id, reason: called.cut }
    this.#known.set(id, called)
    return undefined
  }

  /** A run is joined by somebody. */
  joined(id: string): void {
    const called = this.#known.get(id)
    if (called !== undefined) called.joins++
  }

  /** The code of a run has joined a run; one that it has begun itself is as much its own as before. */
  joinedBy({ id: caller }: WaitingRun, id: string): void {
    const called = this.#known.get(id)
    if (called?.from.id === caller && called.joins > 0) called.joins--
  }

  /** It has ended, or was never begun. */
  end(called: RunCall): void {
    const { from, id } = called
    remove(this.#byCaller, from.id, called)
    remove(this.#byCall, callName(from.task, from.lease), called)
    if (id !== undefined && this.#known.get(id) === called) this.#known.delete(id)
  }

  /** The code of a run has ended by itself: 3. */
  over(id: string): void {
    for (const called of this.#byCaller.get(id) ?? []) this.end(called)
  }

  /** A call was aborted. @returns what is to be cancelled */
  aborted(task: string, lease: number, reason: AbortCall["reason"]): readonly CutRun[] {
    const all = this.#byCall.get(callName(task, lease))
    if (all === undefined || reason === "superseded") return []
    // 1.
    return this.#cut([...all].filter(({ isKeyed }) => reason === "cancelled" || !isKeyed), reason === "cancelled" ? "was cancelled" : "took too long")
  }

  /** A run has ended, which had a call to itself. @returns what is to be cancelled */
  ended(id: string, status: RunStatus): readonly CutRun[] {
    const all = this.#byCaller.get(id)
    return all === undefined || status === "succeeded" ? [] : this.#cut([...all], status === "cancelled" ? "was cancelled" : "has failed")
  }

  #cut(all: readonly RunCall[], why: string): readonly CutRun[] {
    const cut: CutRun[] = []
    for (const called of all) {
      this.end(called)
      const reason = `It was cancelled, as run ${called.from.id}, which had called it, ${why}.`
      if (called.id === undefined) called.cut = reason
      // 2.
      else if (called.joins === 0) cut.push({ id: called.id, reason })
    }
    return cut
  }
}

function callName(task: string, lease: number): string {
  return `${task}\n${lease}`
}

function add(map: Map<string, Set<RunCall>>, name: string, called: RunCall): void {
  const all = map.get(name)
  if (all === undefined) map.set(name, new Set([called]))
  else all.add(called)
}

function remove(map: Map<string, Set<RunCall>>, name: string, called: RunCall): void {
  const all = map.get(name)
  if (all?.delete(called) === true && all.size === 0) map.delete(name)
}

/** Who watches which run, and what they hear: what its code tells, that an attempt begins, how it ends. */
import type { RunResult } from "@millrace/sdk"
import type { FromAttempts } from "./attempt-messages.ts"
import { idOf } from "./known-tasks.ts"
import { Told } from "./told.ts"

/** What a run has told while it runs, or how it has ended. */
export type RunEvent =
  | { readonly kind: "progress" | "chunk"; readonly json: string; readonly place: string }
  /** Without a place while the run has told nothing. */
  | { readonly kind: "attempt"; readonly attempt: number; readonly place?: string }
  /** So many events before those that follow are not kept any more. */
  | { readonly kind: "missed"; readonly count: number }
  | { readonly kind: "ended"; readonly result: RunResult }

export type Watcher = (event: RunEvent) => void

/** The end of a run, as it will be told. */
export interface Ending {
  readonly result: Promise<RunResult>
  /** Nobody waits for it any more. */
  stop(): void
}

export class RunWatches {
  /** By the run's id. */
  readonly #watchers: Map<string, Set<Watcher>> = new Map()
  readonly #told: Told

  constructor(now: number) {
    this.#told = new Told(now)
  }

  /** @param since - first, at once, what the run has told behind this place; "": all that it has told */
  watch(id: string, watcher: Watcher, since?: string): () => void {
    if (since !== undefined) {
      const { missed, pieces } = this.#told.since(id, since)
      if (missed > 0) watcher({ kind: "missed", count: missed })
      for (const { event, place } of pieces) watcher({ ...event, place })
    }
    const watchers = this.#watchers.get(id) ?? new Set()
    this.#watchers.set(id, watchers)
    watchers.add(watcher)
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id)
    }
  }

  /** Watches for the end of a run from now on. */
  ending(id: string): Ending {
    let stop = (): void => undefined
    const result = new Promise<RunResult>((resolve) => {
      stop = this.watch(id, (event) => {
        if (event.kind === "ended") resolve(event.result)
      })
    })
    return { result, stop }
  }

  /** What a run has told last of how far it is, as JSON. */
  progress(id: string): string | undefined {
    return this.#told.progress(id)
  }

  onTold({ task, number, attempt, what, json }: Extract<FromAttempts, { kind: "told" }>): void {
    const id = idOf(task, number)
    const place = this.#told.tell(id, attempt, { kind: what, json })
    this.#tell(id, { kind: what, json, place })
  }

  onAttempt(task: string, number: number, attempt: number): void {
    if (this.#isEmpty) return
    const id = idOf(task, number)
    const place = this.#told.begin(id, attempt)
    this.#tell(id, place === undefined ? { kind: "attempt", attempt } : { kind: "attempt", attempt, place })
  }

  onEnded(task: string, number: number, result: RunResult): void {
    if (this.#isEmpty) return
    const id = idOf(task, number)
    this.#told.end(id)
    this.#tell(id, { kind: "ended", result })
  }

  /** Nobody watches, and nothing has been told. */
  get #isEmpty(): boolean {
    return this.#watchers.size === 0 && this.#told.isEmpty
  }

  #tell(id: string, event: RunEvent): void {
    const watchers = this.#watchers.get(id)
    if (watchers !== undefined) for (const watcher of watchers) watcher(event)
  }
}

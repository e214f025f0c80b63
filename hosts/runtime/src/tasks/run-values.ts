/** The large values of runs, where runs are looked at, and where they are no longer wanted. How they are kept: values.ts. */
import { type TaskQuestion, isStored } from "@millrace/engine"
import { limits } from "@millrace/model"
import type { Log } from "../log.ts"
import { faultFacts } from "../logged-error.ts"
import type { KnownTask, KnownTasks } from "./known-tasks.ts"
import type { Values } from "./values.ts"

export interface RunValuesParts {
  readonly store: Values
  readonly log: Log
  readonly clock: () => number
  readonly known: KnownTasks
  readonly ask: (known: KnownTask, question: TaskQuestion) => Promise<unknown>
  readonly isReady: () => boolean
}

export class RunValues {
  readonly #parts: RunValuesParts
  /** When those that no run has were last looked for, or this node began. */
  #swept: number
  #sweeping: Promise<void> | undefined

  constructor(parts: RunValuesParts) {
    this.#parts = parts
    this.#swept = parts.clock()
  }

  /** Where they lie. */
  get store(): Values {
    return this.#parts.store
  }

  /** What is shown of a run, with its large values. */
  async whole<Shown extends { readonly input?: string; readonly output?: string }>(shown: Shown): Promise<Shown> {
    const { input = "", output = "" } = shown
    if (!isStored(input) && !isStored(output)) return shown
    const { store } = this.#parts
    return {
      ...shown,
      ...(isStored(input) ? { input: await store.get(input) } : {}),
      ...(isStored(output) ? { output: await store.get(output) } : {}),
    }
  }

  /** Best effort: what cannot be removed stays, wanted by nobody. */
  forget(values: readonly string[]): void {
    if (values.length === 0) return
    const { store, log } = this.#parts
    store.remove(values).catch((error: unknown) => log.error(faultFacts(error), "large values of runs could not be removed"))
  }

  /** Removes, now and then, those that no run has: a crash may have left some. */
  sweep(now: number): void {
    const { store, log, known, ask, isReady } = this.#parts
    if (this.#sweeping !== undefined || now - this.#swept < limits.valueSweepMs || !isReady()) return
    this.#swept = now
    this.#sweeping = (async () => {
      for (const each of known.all) {
        const removed = await store.sweep(each.plan.name, async (names) => (await ask(each, { kind: "unnamed", names })) as readonly string[])
        if (removed > 0) log.info({ task: each.plan.name, removed }, "large values that no run has were removed")
      }
    })()
      .catch((error: unknown) => log.warn(faultFacts(error), "large values that no run has could not be looked for"))
      .finally(() => {
        this.#sweeping = undefined
      })
  }

  async stop(): Promise<void> {
    await this.#sweeping
    await this.#parts.store.close()
  }
}

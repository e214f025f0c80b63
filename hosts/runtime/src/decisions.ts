/**
 * What transactions have decided that is to be done outside: files go to their deliveries once the decision is durable, the effects of tasks
 * to their desk. Here is known whether a file is decided and not under way yet.
 */
import type { SealFile } from "@millrace/engine"
import type { Commits } from "./commits.ts"
import type { Deliveries } from "./deliveries.ts"
import type { TransactionData } from "./messages.ts"
import { effectsOf } from "./tasks/flat.ts"
import type { TaskDesk } from "./tasks/task-desk.ts"
import { appendedAll } from "./transaction-frames.ts"

export class Decisions {
  readonly #commits: Commits
  readonly #deliveries: Deliveries
  readonly #tasks: TaskDesk
  /** Files whose decision is not durable yet. */
  #pending = 0

  constructor(commits: Commits, deliveries: Deliveries, tasks: TaskDesk) {
    this.#commits = commits
    this.#deliveries = deliveries
    this.#tasks = tasks
  }

  get pending(): number {
    return this.#pending
  }

  /** Commits transactions and sees to what they decide. Returns the commit's sequence. @throws MR1303, MR1304 */
  commit(transactions: readonly TransactionData[], parcel: Uint8Array): number {
    const sequence = appendedAll(this.#commits, transactions, parcel, ({ seat, appends }) => appends.length === 0 && this.#tasks.hasQueueAt(seat))
    const carried = transactions.map(({ seat, effects }) => ({ seat, effects: effectsOf(effects) }))
    const files = carried.flatMap(({ seat, effects }) => effects.filter((effect) => effect.kind === "seal").map((effect) => [seat.service, effect] as const))
    if (files.length > 0) this.#deliver(sequence, files)
    for (const { seat, effects } of carried) {
      const ofTasks = effects.filter((effect) => effect.kind !== "seal")
      if (ofTasks.length > 0) this.#tasks.onEffects(seat.service, ofTasks, sequence)
    }
    this.#tasks.callNow()
    return sequence
  }

  #deliver(sequence: number, files: ReadonlyArray<readonly [service: string, file: SealFile]>): void {
    this.#pending += files.length
    this.#commits.durable(sequence).then(
      () => {
        this.#pending -= files.length
        for (const [service, file] of files) this.#deliveries.add(service, file)
      },
      () => {
        this.#pending -= files.length
      },
    )
  }
}

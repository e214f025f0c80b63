/** What a queue is told besides inputs: to cancel and retry runs, one or many, to pause and to resume. */
import type { CutRun, EndedRunFilter, OpenRunFilter, RunView, TaskCommand } from "@millrace/engine"
import { assertCancellable, assertRetriable } from "@millrace/engine"
import { BlockWriter, writeValue } from "@millrace/model"
import type { Commits } from "../commits.ts"
import type { KnownTask, KnownTasks } from "./known-tasks.ts"
import type { RunTally, Tickets } from "./tickets.ts"

export interface RunCommandsParts {
  readonly known: KnownTasks
  readonly tickets: Tickets
  readonly commits: Commits
  readonly clock: () => number
  readonly assertReady: () => void
  /** A run as it stands. @throws MR1024 */
  readonly run: (id: string) => Promise<Pick<RunView, "status">>
}

export class RunCommands {
  readonly #parts: RunCommandsParts

  constructor(parts: RunCommandsParts) {
    this.#parts = parts
  }

  /** Doing so again changes nothing. @throws MR1024, MR1032 for a run that has ended otherwise */
  async cancel(id: string, reason?: string): Promise<void> {
    const { known, number } = this.#parts.known.run(id)
    const { status } = await this.#parts.run(id)
    assertCancellable(id, status)
    await this.#command(known, reason === undefined ? ["cancel", number] : ["cancel", number, reason])
  }

  /** Cancels a run with who had called it; one that has ended by now stays as it is. */
  async cancelCut({ id, reason }: CutRun): Promise<void> {
    const { known, number } = this.#parts.known.run(id)
    await this.#command(known, ["cancel", number, reason, true])
  }

  /** A run that failed, expired or was cancelled begins again. @throws MR1024, MR1032 for any other */
  async retry(id: string): Promise<void> {
    const { known, number } = this.#parts.known.run(id)
    const { status } = await this.#parts.run(id)
    assertRetriable(id, status)
    await this.#command(known, ["retry", number])
  }

  /**
   * All runs that have ended as a filter says begin again. Resolves once they do, or once `signal` is aborted; they go on then all the same.
   *
   * @throws MR1022
   */
  retryAll(task: string, filter: EndedRunFilter, signal: AbortSignal): Promise<RunTally> {
    const { tickets, known } = this.#parts
    return tickets.tallied(signal, async (ticket) => this.#command(known.find(task), ["retry-all", filter, undefined, { ticket, count: 0 }]))
  }

  /**
   * Cancels all runs that a filter finds, of those that were enqueued before. Resolves as `retryAll` does.
   *
   * @throws MR1022
   */
  cancelAll(task: string, filter: OpenRunFilter, signal: AbortSignal): Promise<RunTally> {
    const { tickets, known } = this.#parts
    return tickets.tallied(signal, async (ticket) => this.#command(known.find(task), ["cancel-all", filter, undefined, { ticket, count: 0 }]))
  }

  /** @throws MR1022 */
  async pause(task: string): Promise<void> {
    await this.#command(this.#parts.known.find(task), ["pause"])
  }

  /** @throws MR1022 */
  async resume(task: string): Promise<void> {
    await this.#command(this.#parts.known.find(task), ["resume"])
  }

  /** Resolves once the command is durable. */
  async #command({ plan }: KnownTask, command: TaskCommand): Promise<void> {
    const { commits, clock, assertReady } = this.#parts
    assertReady()
    const block = new BlockWriter()
    const from = block.length
    writeValue(block.beginRecord("", clock()), command)
    block.endRecord(from)
    const { sequence } = commits.append({ appends: [{ stream: plan.commands, partition: 0, count: 1, block: block.take() }], state: [] })
    await commits.durable(sequence)
  }
}

/** What is counted of each task since the start, and how it stands: its figures for `/metrics`. */
import type { CallTask, Outcome, TaskStand } from "@millrace/engine"
import type { Sample } from "../samples.ts"
import { Durations } from "./durations.ts"

class Figures {
  attempts = 0
  starts = 0
  /** From enqueue to the first call. */
  readonly startDurations: Durations = new Durations()
  readonly attemptDurations: Durations = new Durations()
  readonly outcomes: Map<string, number> = new Map()
  /** When calls under way began, by lease. */
  readonly began: Map<number, number> = new Map()
}

export class TaskFigures {
  readonly #clock: () => number
  readonly #byTask: Map<string, Figures> = new Map()

  constructor(clock: () => number) {
    this.#clock = clock
  }

  onCall({ task, lease, runs }: CallTask): void {
    const now = this.#clock()
    const figures = this.#of(task)
    figures.began.set(lease, now)
    for (const { attempt, enqueuedAt } of runs) {
      figures.attempts++
      if (attempt > 1) continue
      figures.starts++
      figures.startDurations.add(Math.max(0, now - enqueuedAt))
    }
  }

  onOutcomes(task: string, outcomes: readonly Outcome[]): void {
    const now = this.#clock()
    const figures = this.#of(task)
    for (const { lease, kind } of outcomes) {
      // No end, or counted as it was aborted.
      if (kind === "begun" || kind === "blocked" || kind === "said") continue
      const began = figures.began.get(lease)
      if (began !== undefined) figures.attemptDurations.add(Math.max(0, now - began))
      figures.began.delete(lease)
      figures.outcomes.set(kind, (figures.outcomes.get(kind) ?? 0) + 1)
    }
  }

  onAbort(task: string, lease: number): void {
    const { outcomes, began } = this.#of(task)
    began.delete(lease)
    outcomes.set("aborted", (outcomes.get("aborted") ?? 0) + 1)
  }

  samples(stands: readonly TaskStand[]): Sample[] {
    const now = this.#clock()
    const gauge = (name: string, help: string, values: Sample["values"]): Sample => ({ name, help, kind: "gauge", values })
    const counter = (name: string, help: string, of: (figures: Figures) => number): Sample => ({
      name,
      help,
      kind: "counter",
      values: stands.map(({ task }) => ({ labels: { task }, value: of(this.#of(task)) })),
    })
    const histogram = (name: string, help: string, of: (figures: Figures) => Durations): Sample => ({
      name,
      help,
      kind: "histogram",
      values: stands.flatMap(({ task }) => of(this.#of(task)).values({ task })),
    })
    const outcomes = stands.flatMap(({ task }) => [...this.#of(task).outcomes].map(([outcome, value]) => ({ labels: { task, outcome }, value })))
    const runs = stands.flatMap(({ task, counts }) =>
      (["delayed", "waiting", "running"] as const).map((status) => ({ labels: { task, status }, value: counts[status] })),
    )
    const oldest = stands.map(({ task, oldestReadyAt }) => ({ labels: { task }, value: oldestReadyAt === undefined ? 0 : Math.max(0, now - oldestReadyAt) / 1000 }))
    // Schedules at the same times are due together.
    const crons = stands.flatMap(({ task, crons: of = [] }) => {
      const next = new Map(of.flatMap(({ expression, timeZone, dueAt }) => (dueAt === undefined ? [] : [[`${expression} ${timeZone}`, dueAt] as const])))
      return [...next].map(([cron, dueAt]) => ({ labels: { task, cron }, value: dueAt / 1000 }))
    })
    return [
      gauge("millrace_task_runs", "Runs that have not ended, by status.", runs),
      gauge("millrace_task_oldest_seconds", "How long the oldest run that may start has waited since it was enqueued; 0: none does.", oldest),
      gauge("millrace_task_cron_next_timestamp_seconds", "The time for which a schedule makes its next run, as Unix time.", crons),
      counter("millrace_task_starts_total", "Runs that were called for the first time.", ({ starts }) => starts),
      histogram("millrace_task_start_seconds", "From enqueue to first call.", ({ startDurations }) => startDurations),
      counter("millrace_task_attempts_total", "Attempts that were begun.", ({ attempts }) => attempts),
      histogram("millrace_task_attempt_seconds", "How long attempts took that have ended.", ({ attemptDurations }) => attemptDurations),
      { name: "millrace_task_outcomes_total", help: "Attempts that ended, by outcome.", kind: "counter", values: outcomes },
    ]
  }

  #of(task: string): Figures {
    let figures = this.#byTask.get(task)
    if (figures === undefined) {
      figures = new Figures()
      this.#byTask.set(task, figures)
    }
    return figures
  }
}

/**
 * Who carries out `task.call` and `task.send` in this thread: a node that was started here, or the worker that runs a task's code.
 * Definitions are plain values, so they find it when they are asked, in whichever copy of this package.
 */
import { type EnqueueOptions, type ErrorData, MillraceError } from "@millrace/model"

/** How a run has ended. */
export interface RunResult {
  readonly status: "succeeded" | "failed" | "cancelled" | "expired"
  /** JSON, of a run that succeeded. */
  readonly output?: string
  readonly error?: ErrorData
}

/** A run as a node tells it: values are JSON texts, times ms. */
export interface RunFacts {
  readonly number: number
  readonly task: string
  readonly status: "delayed" | "waiting" | "running" | RunResult["status"]
  readonly key: string
  readonly priority: number
  readonly trigger: "call" | "record" | "cron" | "task" | "event"
  readonly input: string
  readonly output?: string
  readonly error?: ErrorData
  readonly enqueuedAt: number
  readonly scheduledAt?: number
  readonly dueAt?: number
  readonly startedAt?: number
  readonly finishedAt?: number
  readonly attempt: number
  readonly attempts: ReadonlyArray<{
    readonly startedAt: number
    readonly endedAt: number
    readonly outcome: "succeeded" | "failed" | "timed-out" | "lost" | "cancelled"
    readonly error?: ErrorData
    readonly logs?: readonly string[]
  }>
  /** Of the attempt under way. */
  readonly logs?: readonly string[]
  readonly progress?: string
}

export interface TaskCaller {
  /** Enqueues a run for each input (JSON texts); returns their ids. @throws MR1023, MR1010, MR1401 */
  send(task: string, inputs: readonly string[], options: EnqueueOptions): Promise<readonly string[]>
  /** Enqueues a run and waits for its end. */
  call(task: string, input: string, options: EnqueueOptions): Promise<{ readonly id: string; readonly result: RunResult }>
  /** Waits for the end of a run. */
  result(id: string): Promise<RunResult>
  /** A run as it stands. @throws MR1024 */
  run(id: string): Promise<RunFacts>
  /** @throws MR1024, MR1032 for a run that has ended otherwise */
  cancel(id: string, reason?: string): Promise<void>
  /** A run that failed, expired or was cancelled begins again. @throws MR1024, MR1032 for any other */
  retry(id: string): Promise<void>
}

const callers: unique symbol = Symbol.for("millrace.task-caller")

interface Holder {
  [callers]?: TaskCaller | undefined
}

/** From now on, tasks are called through this; undefined: through nothing. */
export function bindTaskCaller(caller: TaskCaller | undefined): void {
  ;(globalThis as Holder)[callers] = caller
}

/** Functions of streams call no tasks: their record may pass again, and then would be a second run. @param place - who calls now, such as `operator "score"` */
export function noTaskCaller(place: () => string): TaskCaller {
  const refuse = async (task: string): Promise<never> => {
    throw new MillraceError(
      "MR1201",
      `${place()}: its code called task "${task}", and functions of streams call no tasks: a record that passes them again would make a second run. ` +
        `Send records to the task with .to(task), which makes exactly one run of each, and read what they give from task.output.`,
    )
  }
  return { send: refuse, call: refuse, result: refuse, run: refuse, cancel: refuse, retry: refuse }
}

/** @throws MR1401 when there is none */
export function taskCaller(task: string): TaskCaller {
  const caller = (globalThis as Holder)[callers]
  if (caller !== undefined) return caller
  throw new MillraceError(
    "MR1401",
    `task "${task}" was called, but no node runs in this process. Start one with startNode(…), or call it over HTTP with createClient(…).`,
  )
}

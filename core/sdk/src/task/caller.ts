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

export interface TaskCaller {
  /** Enqueues a run for each input (JSON texts); returns their ids. @throws MR1023, MR1010, MR1401 */
  send(task: string, inputs: readonly string[], options: EnqueueOptions): Promise<readonly string[]>
  /** Enqueues a run and waits for its end. */
  call(task: string, input: string, options: EnqueueOptions): Promise<{ readonly id: string; readonly result: RunResult }>
  /** Waits for the end of a run. */
  result(id: string): Promise<RunResult>
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
  return { send: refuse, call: refuse, result: refuse }
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

/** How code that is no task's calls tasks: as part of the trace that it is in, if any. */
import type { EnqueueOptions, TraceFields } from "@millrace/model"
import type { TaskCaller } from "@millrace/sdk"

export interface TracedCaller extends TaskCaller {
  send(task: string, inputs: readonly string[], options: EnqueueOptions, trace?: TraceFields): ReturnType<TaskCaller["send"]>
  call(task: string, input: string, options: EnqueueOptions, trace?: TraceFields): ReturnType<TaskCaller["call"]>
}

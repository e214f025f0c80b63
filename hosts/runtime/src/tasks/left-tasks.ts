/**
 * Tasks that this node has run and that no service has any more. What they keep stays under the names of service and task, so their runs
 * go on when the task is there again. Not for their runs themselves: nothing reads those meanwhile.
 */
import type { Plan } from "@millrace/model"

export interface LeftTask {
  readonly service: string
  readonly task: string
}

const ending = ".commands"

/** @param stored - the names of all streams that this node has ever had, those of tasks' commands among them */
export function leftTasks(plans: readonly Plan[], stored: Iterable<string>): readonly LeftTask[] {
  const there = new Set(plans.flatMap(({ tasks }) => tasks.map(({ commands }) => commands)))
  const left: LeftTask[] = []
  for (const name of stored) {
    const at = name.indexOf("/")
    if (at >= 0 && name.endsWith(ending) && !there.has(name)) left.push({ service: name.slice(0, at), task: name.slice(at + 1, -ending.length) })
  }
  return left
}

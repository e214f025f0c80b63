/** What the parts of a task's queue share. */
import type { TaskPlan } from "@millrace/model"
import type { StageContext } from "../context.ts"
import type { Calls } from "./calls.ts"
import type { Runs } from "./runs.ts"
import type { Standing } from "./standing.ts"
import type { Timers } from "./timers.ts"

export interface QueueParts {
  readonly plan: TaskPlan
  readonly context: StageContext
  readonly runs: Runs
  readonly standing: Standing
  readonly calls: Calls
  readonly timers: Timers
}

/** When a task's crons are due, and which runs that makes. */
import { type CronPlan, type TaskPlan, limits } from "@millrace/model"
import type { CronClock } from "../context.ts"
import type { Standing } from "./standing.ts"
import type { EnqueueFacts } from "./task-command.ts"

/** What is said of a cron's run. */
type CronFacts = Pick<EnqueueFacts, "key" | "priority" | "scheduledAt">

/** Clock time at which the first of them is due, in ms. */
export function cronsDue({ crons: plans }: TaskPlan, standing: Standing): number {
  let due = Number.POSITIVE_INFINITY
  if (plans.length === 0) return due
  const { crons } = standing.read
  for (const i of plans.keys()) due = Math.min(due, crons[nameOf(plans, i)] ?? 0)
  return due
}

/** A task's schedule, and when it is due next. */
export interface CronStand {
  readonly expression: string
  readonly timeZone: string
  /** In ms; undefined: never again. */
  readonly dueAt?: number
}

export function cronStands({ crons: plans }: TaskPlan, standing: Standing): readonly CronStand[] {
  const { crons } = standing.read
  return plans.map(({ expression, timeZone }, i) => {
    const dueAt = crons[nameOf(plans, i)]
    return { expression, timeZone, ...(dueAt === undefined || dueAt === Number.POSITIVE_INFINITY ? {} : { dueAt }) }
  })
}

/** @param enqueue - makes a run of an input, for a time */
export function tickCrons({ crons: plans }: TaskPlan, standing: Standing, clock: CronClock, now: number, enqueue: (input: string, facts: CronFacts) => void): void {
  if (plans.length === 0) return
  const { crons } = standing.read
  for (const [i, { expression, timeZone, catchUp, input, key, priority }] of plans.entries()) {
    const name = nameOf(plans, i)
    const due = crons[name]
    if (due !== undefined && due > now) continue
    const next = (after: number): number => clock(expression, timeZone, after) ?? Number.POSITIVE_INFINITY
    const times: number[] = []
    for (let at = due ?? Number.POSITIVE_INFINITY; at <= now && times.length < limits.cronRunsMax; at = next(at)) times.push(at)
    const newest = times.at(-1)
    const missed = newest !== undefined && now - newest > limits.cronLateMsMax
    const wanted = catchUp === "all" ? times : newest === undefined || (catchUp === "none" && missed) ? [] : [newest]
    for (const at of wanted) enqueue(input, { scheduledAt: at, ...(key === undefined ? {} : { key }), ...(priority === undefined ? {} : { priority }) })
    standing.change.crons[name] = next(now)
  }
  // One that was taken out and comes back later has missed nothing meanwhile.
  const names = new Set(plans.map((_, i) => nameOf(plans, i)))
  for (const name of Object.keys(standing.read.crons)) if (!names.has(name)) delete standing.change.crons[name]
}

/** Of those at the same times, each has a name of its own, and its own input. */
function nameOf(plans: TaskPlan["crons"], at: number): string {
  const { expression, timeZone } = plans[at] as CronPlan
  const same = plans.slice(0, at).filter((plan) => plan.expression === expression && plan.timeZone === timeZone).length
  return `${timeZone} ${expression}${same === 0 ? "" : ` ${same}`}`
}

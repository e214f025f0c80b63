/** When a task's crons are due, and which runs that makes. */
import { type TaskPlan, limits } from "@millrace/model"
import type { CronClock } from "../context.ts"
import type { Standing } from "./standing.ts"

/** Clock time at which the first of them is due, in ms. */
export function cronsDue({ crons: plans }: TaskPlan, standing: Standing): number {
  let due = Number.POSITIVE_INFINITY
  if (plans.length === 0) return due
  const { crons } = standing.read
  for (const { expression, timeZone } of plans) due = Math.min(due, crons[`${timeZone} ${expression}`] ?? 0)
  return due
}

/** @param enqueue - makes a run of an input */
export function tickCrons({ crons: plans }: TaskPlan, standing: Standing, clock: CronClock, now: number, enqueue: (input: string) => void): void {
  if (plans.length === 0) return
  const { crons } = standing.read
  for (const { expression, timeZone, catchUp, input } of plans) {
    const name = `${timeZone} ${expression}`
    const due = crons[name]
    if (due !== undefined && due > now) continue
    const next = (after: number): number => clock(expression, timeZone, after) ?? Number.POSITIVE_INFINITY
    const times: number[] = []
    for (let at = due ?? Number.POSITIVE_INFINITY; at <= now && times.length < limits.cronRunsMax; at = next(at)) times.push(at)
    const newest = times.at(-1)
    const missed = newest !== undefined && now - newest > limits.cronLateMsMax
    const wanted = catchUp === "all" ? times : newest === undefined || (catchUp === "none" && missed) ? [] : [newest]
    for (const _ of wanted) enqueue(input)
    standing.change.crons[name] = next(now)
  }
}

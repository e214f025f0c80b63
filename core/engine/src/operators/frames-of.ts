/** The windows of a plan. */
import type { WindowPlan } from "@millrace/model"
import { AlignedFrames } from "./aligned.ts"
import { CalendarFrames } from "./calendar.ts"
import type { Frames } from "./frames.ts"

export function framesOf(plan: WindowPlan): Frames {
  return plan.kind === "calendar" ? new CalendarFrames(plan) : new AlignedFrames(plan)
}

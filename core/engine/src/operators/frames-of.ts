/** The windows of a plan. */
import type { WindowPlan } from "@millrace/model"
import { AlignedFrames } from "./aligned.ts"
import { CalendarFrames } from "./calendar.ts"
import { CumulatingFrames } from "./cumulating.ts"
import type { Frames } from "./frames.ts"

export function framesOf(plan: WindowPlan): Frames {
  if (plan.kind === "calendar") return new CalendarFrames(plan)
  return plan.kind === "cumulating" ? new CumulatingFrames(plan) : new AlignedFrames(plan)
}

/** Windows, in the plan. */

/** Event-time window shapes. */
export type WindowPlan = {
  readonly kind: "tumbling" | "hopping"
  readonly sizeMs: number
  /** Distance of window starts; equals the size for tumbling windows. */
  readonly everyMs: number
  /** Window starts are `offsetMs` modulo `everyMs`. */
  readonly offsetMs: number
}

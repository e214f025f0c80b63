/** Windows, in the plan. */

/** Event-time window shapes. */
export type WindowPlan = {
  readonly kind: "tumbling" | "hopping"
  readonly sizeMs: number

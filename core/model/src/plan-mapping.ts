/** Event source mappings in the plan: how a stream feeds a function. */
export interface MappingPlan {
  readonly stream: string
}

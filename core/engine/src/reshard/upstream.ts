/**
 * The number under which a partition marks its watermark in a stream that its stage writes. Those that there were at first are
 * numbered by the plan; those that came when the stage's input was resharded come behind all of them, so no number is given twice.
 */
import { limits, type Plan, type StagePlan, type StreamPlan } from "@millrace/model"

/** @param base - number of the stage's first partition among those that write the stream */
export function upstreamOf(plan: Plan, { name, upstreams }: StreamPlan, base: number, stage: StagePlan, partition: number): number {
  if (partition < stage.partitions) return base + partition
  const writers = plan.stages.filter(({ operators }) => operators.some((operator) => "upstreamBase" in operator && operator.stream === name))
  const rank = writers.findIndex(({ id }) => id === stage.id)
  const upstream = upstreams + (partition - stage.partitions) * writers.length + rank
  if (upstream >= limits.upstreamsMax) throw new Error(`stream ${name}: partition ${partition} of stage ${stage.id} would be upstream ${upstream}`)
  return upstream
}

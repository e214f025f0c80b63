/** The end of a worker with the place at which it happened. */
import type { Plan } from "@millrace/model"
import type { Feed } from "./feed.ts"
import type { WorkerEnd } from "./worker-handle.ts"

/** Operators of a stage that an error names. */
const operatorsNamed = 8

/** Says with the error which record of which stream a worker had in hand, and which operators it was on its way through. */
export function placed(end: WorkerEnd, feed: Feed | undefined, plans: readonly Plan[]): WorkerEnd {
  if (feed === undefined) return end
  const { service, stage, partition } = feed.seat
  const operators = plans.find((plan) => plan.service === service)?.stages.find(({ id }) => id === stage)?.operators.map(({ name }) => name) ?? []
  const offset = end.kind === "stage" && end.record >= 0 ? end.record : undefined
  const where = offset === undefined ? `partition ${partition} of stream "${feed.input.name}"` : `${partition}@${offset} of stream "${feed.input.name}"`
  const through = operators.length === 0 ? "" : `, in ${operators.slice(0, operatorsNamed).join(", ")}${operators.length > operatorsNamed ? ", …" : ""}`
  const message = `service "${service}", ${where}${through}: ${end.error.message}`
  const details = { ...end.error.details, service, stage, stream: feed.input.name, partition, ...(offset === undefined ? {} : { offset }), operators }
  return { ...end, error: { ...end.error, message, details } }
}

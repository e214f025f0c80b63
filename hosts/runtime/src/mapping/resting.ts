/**
 * How a mapping stands that was made over the API of Lambda and rests: its function is not deployed, or a service feeds it from the same stream
 * itself. It goes on once that has changed.
 */
import { type ErrorData, errorData, MillraceError } from "@millrace/model"
import { noFigures, type MappingStatus } from "./mapping.ts"
import type { MadeMapping } from "./mapping-book.ts"

export function restingStatus({ uuid, function: name, plan, at, consumer }: MadeMapping, error: ErrorData): MappingStatus {
  const stand = { state: plan.enabled ? "Resting" : "Disabled", shards: 0, figures: noFigures(), isFailing: false, isIdle: true } as const
  return { service: "", function: name, stream: plan.stream, uuid, plan, isDefined: false, changedAt: at, ...stand, ...(consumer === undefined ? {} : { consumer }), error }
}

/** As on AWS a function has one mapping of a stream, besides those of the stream's consumers: what the service says goes first. */
export function feedsItself(service: string, { function: name, plan }: MadeMapping): ErrorData {
  return errorData(new MillraceError("MR1102", `Service "${service}" feeds function "${name}" from stream "${plan.stream}" itself; the mapping that was made over the API rests as long.`))
}

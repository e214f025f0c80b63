/** How a mapping stands that was made over the API of Lambda and whose function is not deployed: it rests, and goes on once it is. */
import { errorData } from "@millrace/model"
import { unknownFunction } from "../functions/unknown-function.ts"
import { noFigures, type MappingStatus } from "./mapping.ts"
import type { MadeMapping } from "./mapping-book.ts"

/** @param known - names of the functions that there are */
export function restingStatus({ uuid, function: name, plan, at }: MadeMapping, known: readonly string[]): MappingStatus {
  const stand = { state: plan.enabled ? "Resting" : "Disabled", shards: 0, figures: noFigures(), isFailing: false, isIdle: true } as const
  return { service: "", function: name, stream: plan.stream, uuid, plan, isDefined: false, changedAt: at, ...stand, error: errorData(unknownFunction(name, known)) }
}

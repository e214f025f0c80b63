/** Which tumbling or hopping windows a time lies in. */
import type { WindowPlan } from "@millrace/model"

/** The starts of all windows that hold `time`, the oldest first, in ms. */
export function* windowStarts({ sizeMs, everyMs, offsetMs }: WindowPlan, time: number): Iterable<number> {
  const newest = time - positiveModulo(time - offsetMs, everyMs)
  for (let start = newest - (Math.ceil(sizeMs / everyMs) - 1) * everyMs; start <= newest; start += everyMs) {
    if (start + sizeMs > time) yield start
  }
}

export function positiveModulo(value: number, by: number): number {
  const rest = value % by
  return rest < 0 ? rest + by : rest
}

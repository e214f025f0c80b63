/** What the state of each operator looks like, as stored: a new version of a service must understand what the old one has kept. */
import { type StateReader, stateShape } from "@millrace/engine"
import { MillraceError, type Plan, StateChangesWriter, valueFrom } from "@millrace/model"

const scope = "@shapes"

/**
 * State changes that remember the shapes of the services' operators.
 *
 * @throws MR1306 for an operator whose state on the disk is of another shape
 */
export function shapeChanges(plans: readonly Plan[], reader: StateReader): Uint8Array {
  const stored = new Map<string, string>()
  for (const [name, bytes] of reader.entries(scope, 0, 0)) stored.set(name, valueFrom(bytes) as string)
  const changes = new StateChangesWriter()
  changes.beginBucket(scope, 0, 0, false)
  for (const { service, stages } of plans) {
    for (const operator of stages.flatMap(({ operators }) => operators)) {
      const shape = stateShape(operator)
      if (shape === undefined) continue
      const name = `${service}/${operator.name}`
      const before = stored.get(name)
      if (before !== undefined && before !== shape) throw other(service, operator.name, before, shape)
      changes.value(name, shape)
    }
  }
  changes.endBucket()
  return changes.take()
}

function other(service: string, operator: string, stored: string, given: string): MillraceError {
  return new MillraceError(
    "MR1306",
    `Service "${service}", operator "${operator}": its state on the disk is that of a ${stored}; now it is a ${given}, which cannot go on with it. ` +
      "Give it a new name, under which it begins empty, or bring the old definition back.",
    { service, operator, stored, given },
  )
}

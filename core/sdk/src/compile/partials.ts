/**
 * Windows over all records are aggregated where the records are, before one value for each window moves to the one partition. So are
 * only windows that give one result at their end, of aggregates that can be made of parts, and whose late records nobody reads: of a
 * part that comes too late, nobody could say which records it was made of.
 */
import type { OperatorShape, PartialsCode, PartialsShape } from "@millrace/model"
import type { Definition, Origin, StatefulDefinition } from "../definition.ts"

/** A window in two: the parts, where the records are, and the whole, made of them. */
export interface Parts {
  readonly shape: PartialsShape
  readonly code: PartialsCode
  readonly whole: OperatorShape
}

/** Undefined: records move as they are. @param readFor - definitions whose late records somebody reads */
export function partsOf(definition: StatefulDefinition, readFor: ReadonlySet<Definition>): Parts | undefined {
  const { inputs, shape, code } = definition
  const before = inputs[0].from.definition
  if (before.kind !== "rekey" || before.code.kind !== "rekey" || before.code.one !== true || readFor.has(definition)) return undefined
  if (shape.kind !== "window" || code.kind !== "window" || shape.time !== "event" || shape.earlyMs > 0 || shape.trigger !== undefined) return undefined
  if (!Object.values(code.aggregates).every(({ inParts }) => inParts === true)) return undefined
  const { window, time, aggregates } = shape
  return {
    shape: Object.freeze({ kind: "partials", window, time, aggregates }),
    code: Object.freeze({ kind: "partials", aggregates: code.aggregates }),
    whole: Object.freeze({ ...shape, partials: true }),
  }
}

/** Definitions whose output `late` is read on the way to the given points, or at them. */
export function readForLate(points: readonly Origin[]): ReadonlySet<Definition> {
  const found = new Set<Definition>()
  const seen = new Set<Definition>()
  const open = [...points]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { definition, port } = next
    if (port === "late") found.add(definition)
    if (seen.has(definition)) continue
    seen.add(definition)
    if (definition.kind === "stateful" || definition.kind === "union") open.push(...definition.inputs.map(({ from }) => from))
    else if (definition.kind !== "stream") open.push(definition.from)
  }
  return found
}

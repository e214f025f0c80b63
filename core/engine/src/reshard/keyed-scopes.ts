/**
 * Which state of an operator belongs to which key: what must go along when a key's records go to another partition. All of a
 * reshardable stage's state lies under its records' keys, the times that its windows have reached and its open files apart.
 *
 * Not for: the stages of tasks and those behind a repartition, whose input nobody reshards.
 */
import type { OperatorPlan, Plan, StagePlan } from "@millrace/model"
import { sinkScope } from "../operators/sink-files.ts"

/**
 * How a scope names what belongs to a key: under the key itself, as rows of the key, or as either (`member`); `time` is of no key:
 * how far the windows of a partition have come by the clock; `none`: nothing is left in it once a partition is sealed.
 */
type NamedBy = "key" | "row" | "member" | "time" | "none"

export interface KeyedScope {
  readonly scope: string
  readonly by: NamedBy
}

/** How the names of an operator's scopes end, behind its own; undefined: what it keeps is not by key. */
function endingsOf(operator: OperatorPlan): Readonly<Record<string, NamedBy>> | undefined {
  switch (operator.kind) {
    case "map":
    case "filter":
    case "flatMap":
    case "peek":
    case "split":
    case "rekey":
    case "regroup":
    case "union":
    case "side":
    case "to-stream":
    case "repartition":
    case "to-task":
      return {}
    // Sealed files are delivered from the partition in which they were begun.
    case "to-sink":
      return {}
    // Sealed once no call is under way: then nothing is kept but the number of the next one.
    case "async":
      return { "": "none", "@meta": "none" }
    // What is being given in several transactions (`@closing`, `@firing`) has all been given when a partition is sealed.
    case "window":
      return { "": "key", "@trigger": "key", "@timers": "row", "@early": "row", "@clock": "time", "@closing": "none" }
    // Given when the partition is sealed.
    case "partials":
      return { "": "none" }
    case "session":
      return { "": "row", "@looks": "row", "@results": "row", "@trigger": "row", "@timers": "row", "@early": "row", "@clock": "time" }
    case "sliding":
      return { "": "row", "@looks": "key", "@clock": "time" }
    case "global":
      return { "": "key", "@trigger": "key", "@timers": "key", "@clock": "time" }
    case "process":
      return { "": "key", "@timers": "key", "@clock-timers": "key", "@firing": "none", "@keeps": "row", "@ends": "row", "@ends-by-clock": "row" }
    case "running":
      return { "": "key", "@members": "row", "@rows": "row" }
    case "distinct":
      return { "": "member", "@over": "member" }
    case "top":
    case "reduce":
    case "enrich":
    case "foreign-send":
    case "foreign-settle":
      return { "": "key" }
    case "top-rows":
      return { "": "row" }
    case "table":
      return { "": "key", "@deleted": "key" }
    case "table-join":
      return { "@left": "key", "@right": "key" }
    case "foreign-meet":
      return { "@left": "row", "@right": "key" }
    case "join":
      return { "@left": "row", "@right": "row", "@left-lonely": "row", "@right-lonely": "row", "@closing": "none" }
    case "as-of":
      return { "@versions": "row", "@waiting": "row" }
    case "match":
      return { "": "key", "@waiting": "row", "@records": "row", "@complete": "row", "@ends": "key" }
    case "deduplicate":
      return { "": "key", "@ends": "key", "@waiting": "row" }
    case "broadcast":
    case "task":
      return undefined
  }
}

/** Undefined where {@link assertKnown} has nothing to say: operators that no reshardable stage has. */
function namesOf(service: string, operator: OperatorPlan): readonly string[] | undefined {
  if (operator.kind === "to-sink") return [sinkScope(service, operator.sink)]
  return keyedScopes(service, operator)?.map(({ scope }) => scope)
}

/** Each scope that a stage's operators have opened is known here: one that is not would stay behind when its keys go. */
export function assertKnown({ service }: Plan, { id, operators }: StagePlan, scopes: readonly string[]): void {
  const known = operators.map((operator) => namesOf(service, operator))
  if (known.includes(undefined)) return
  const unknown = scopes.find((scope) => !known.some((names) => names?.includes(scope)))
  if (unknown !== undefined) throw new Error(`stage ${id}: state ${unknown} is not in keyed-scopes.ts`)
}

/** Undefined: what the operator keeps cannot go along with keys. */
export function keyedScopes(service: string, operator: OperatorPlan): readonly KeyedScope[] | undefined {
  const endings = endingsOf(operator)
  if (endings === undefined) return undefined
  return Object.entries(endings).map(([ending, by]) => ({ scope: `${service}/${operator.name}${ending}`, by }))
}

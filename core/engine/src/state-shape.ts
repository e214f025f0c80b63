/**
 * What the state of an operator looks like, as a text: what two versions of an operator must have in common for the second to
 * understand what the first has kept. Settings that may change while state is there (a lateness, a limit, a bound of time) are left out.
 *
 * Not for: what user code keeps in `state` of a process or of a trigger; nobody but that code knows its form.
 */
import type { OperatorPlan, TriggerPlan } from "@millrace/model"

/** Undefined: the operator keeps nothing. */
export function stateShape(operator: OperatorPlan): string | undefined {
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
    case "to-sink":
    case "task":
      return undefined
    case "partials":
      return `parts of windows by ${operator.time} time: ${aggregatesOf(operator)}`
    case "window": {
      const { window } = operator
      const windows = window.kind === "calendar" ? `${window.unit} in ${window.timeZone} from ${window.firstWeekday} + ${window.offsetMs}` : `${window.kind === "cumulating" ? "up to " : ""}${window.sizeMs} every ${window.everyMs} + ${window.offsetMs}`
      return `window of ${windows} ms by ${operator.time} time${aheadOf(operator)}${operator.partials === true ? " made of parts" : ""}: ${aggregatesOf(operator)}`
    }
    case "session":
      return `session by ${operator.time} time${aheadOf(operator)}: ${aggregatesOf(operator)}`
    case "sliding":
      return `sliding over ${operator.span.kind} by ${operator.time} time: ${aggregatesOf(operator)}`
    case "global":
      return `global with a ${operator.trigger.kind} trigger: ${aggregatesOf(operator)}`
    case "running":
      return `running over ${operator.input}: ${aggregatesOf(operator)}`
    case "process":
      return ["process", ...(operator.keeps ?? []).map(({ name, kind }) => `${name} a ${kind}`)].join(", ")
    case "join":
      return `join by ${operator.bound.kind}`
    case "top":
    case "top-rows":
      return `${operator.kind} ${operator.order}`
    case "match":
      // Version 1 had a cell of all that had begun, with the records in rows of their own.
      return `match, version 2, of ${operator.stages.map(({ name, follows, least, most }) => `${follows} ${name} ${least}-${most ?? ""}`).join(", ")}`
    case "table":
    case "reduce":
    case "deduplicate":
    case "distinct":
    case "enrich":
    case "as-of":
    case "table-join":
    case "foreign-send":
    case "foreign-meet":
    case "foreign-settle":
    case "broadcast":
    case "async":
      return operator.kind
  }
}

/** What accumulators hold beside the aggregates, for results ahead of the end. */
function aheadOf({ earlyMs, trigger }: { readonly earlyMs: number; readonly trigger?: TriggerPlan }): string {
  if (trigger !== undefined) return ` with a ${trigger.kind} trigger`
  return earlyMs > 0 ? " with early results" : ""
}

function aggregatesOf({ aggregates }: { readonly aggregates: Readonly<Record<string, string>> }): string {
  return Object.entries(aggregates).map(([name, kind]) => `${name} a ${kind}`).join(", ")
}

/** What the boxes of a plan's operators say: the operator's name, the word of the language that made it, and its settings in short. */
import type { JoinBound, OperatorKind, OperatorPlan, TriggerPlan, WindowingShape, WindowPlan } from "@millrace/model"

/** The members of a union whose kind may be `Kind`: some have one kind, some share theirs among several. */
type PlanOf<Kind> = OperatorPlan extends infer Each ? (Each extends { kind: infer K } ? (Kind extends K ? Each : never) : never) : never

/** What an operator is, without its name; of kinds that users give no name, all that there is. */
const words: { readonly [Kind in OperatorKind]: (plan: PlanOf<Kind>) => string } = {
  map: () => "map",
  filter: () => "filter",
  flatMap: () => "flatMap",
  peek: () => "peek",
  split: () => "split",
  rekey: () => "keyBy",
  regroup: () => "groupBy",
  union: () => "union",
  side: ({ side }) => `input ${side + 1}`,
  window: (plan) => windowed(plan, windowLabel(plan.window) + triggerLabel(plan.trigger)),
  partials: ({ window }) => `parts of ${windowLabel(window)}`,
  session: (plan) => windowed(plan, `session ${span(plan.gapMs)}`),
  sliding: (plan) => windowed(plan, plan.span.kind === "time" ? `sliding ${span(plan.span.sizeMs)}` : `last ${plan.span.rows} records`),
  global: (plan) => windowed(plan, plan.trigger.kind === "count" ? `every ${plan.trigger.every} records` : "global"),
  process: () => "process",
  join: ({ type, bound }) => `${typed(type)}join${boundLabel(bound)}`,
  table: ({ keep }) => (keep === "last" ? "toTable" : "deduplicate, first"),
  deduplicate: ({ keep, withinMs }) => `deduplicate, ${keep} within ${span(withinMs)}`,
  reduce: () => "reduce",
  running: ({ aggregates }) => `aggregate<br/>${labelText(Object.keys(aggregates).join(", "))}`,
  top: ({ n, order }) => `top ${n} ${order}`,
  "top-rows": ({ n, order }) => `top ${n} ${order}`,
  distinct: ({ withinMs }) => (withinMs === undefined ? "distinct" : `distinct within ${span(withinMs)}`),
  enrich: ({ type }) => `${typed(type)}join with a table`,
  "as-of": ({ type }) => `${typed(type)}joinAsOf`,
  "table-join": ({ type }) => `${typed(type)}join of tables`,
  "foreign-send": () => "to the row that is named",
  "foreign-meet": ({ type }) => `${typed(type)}join by foreign key`,
  "foreign-settle": () => "the newest of each row",
  broadcast: () => "withBroadcast",
  match: ({ stages }) => `match ${labelText(stages.map(({ name }) => name).join(", "))}`,
  async: () => "mapAsync",
  task: () => "task",
  "to-task": () => "to-task",
  "to-stream": () => "to-stream",
  repartition: () => "repartition",
  "to-sink": () => "to-sink",
}

export function operatorLabel(operator: OperatorPlan): string {
  const word = (words[operator.kind] as (plan: OperatorPlan) => string)(operator)
  // Operators without a name of their user have one with a "/" in it.
  return operator.name.includes("/") ? word : `${labelText(operator.name)}<br/>${word}`
}

function windowed({ time, aggregates }: WindowingShape, label: string): string {
  const by = time === "processing" ? " by the clock" : ""
  return `${label}${by}<br/>${labelText(Object.keys(aggregates).join(", "))}`
}

function triggerLabel(trigger: TriggerPlan | undefined): string {
  if (trigger === undefined) return ""
  return trigger.kind === "count" ? `, every ${trigger.every} records` : ", trigger"
}

function boundLabel(bound: JoinBound): string {
  if (bound.kind === "ever") return ""
  if (bound.kind === "window") return ` in ${windowLabel(bound.window)}`
  const { beforeMs, afterMs } = bound
  if (beforeMs === 0 || afterMs === 0) return ` up to ${span(Math.max(beforeMs, afterMs))} ${beforeMs === 0 ? "after" : "before"}`
  return ` from ${span(beforeMs)} before to ${span(afterMs)} after`
}

function typed(type: string): string {
  return type === "inner" ? "" : `${type} `
}

function windowLabel(window: WindowPlan): string {
  if (window.kind === "calendar") {
    const { unit, timeZone, offsetMs } = window
    return offsetMs === 0 ? `${unit} in ${labelText(timeZone)}` : `${unit} in ${labelText(timeZone)} offset ${span(offsetMs)}`
  }
  const { kind, sizeMs, everyMs, offsetMs } = window
  const size = kind === "tumbling" ? `tumbling ${span(sizeMs)}` : `${kind} ${span(sizeMs)} every ${span(everyMs)}`
  return offsetMs === 0 ? size : `${size} offset ${span(offsetMs)}`
}

/** The longest unit that says it in whole numbers. */
function span(ms: number): string {
  const units = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1000],
  ] as const
  const [unit, length] = units.find(([, each]) => ms % each === 0) ?? ["ms", 1]
  return `${ms / length}${unit}`
}

/** A text as a label takes it. */
export function labelText(name: string): string {
  return name.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
}

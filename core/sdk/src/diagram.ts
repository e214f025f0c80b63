/**
 * A plan as a Mermaid flowchart: streams are cylinders, operators boxes inside their stage, sinks slanted, functions boxes with two lines. Dead-letter
 * streams and the rows on their way to sinks are left out. The same plan gives the same text.
 */
import type { FunctionPlan, OperatorPlan, Plan, Port, SinkPlan, StagePlan, StreamPlan, WindowingShape, WindowPlan } from "@millrace/model"

/**
 * Draws a plan as the text of a Mermaid flowchart, which GitHub and many editors show as a picture.
 *
 * @example `console.log(diagram(compile(service).plan))`
 */
export function diagram(plan: Plan): string {
  const lines = ["flowchart LR"]
  const streams = new Map<string, string>()
  for (const stream of plan.streams) {
    if (stream.role === "dead-letter" || stream.role === "sink") continue
    const id = `stream${streams.size + 1}`
    streams.set(stream.name, id)
    lines.push(`  ${id}[("${streamLabel(stream)}")]`)
  }
  for (const [index, stage] of plan.stages.entries()) lines.push(...stageLines(stage, index + 1))
  for (const [index, sink] of plan.sinks.entries()) lines.push(`  sink${index + 1}[/"${sinkLabel(sink)}"/]`)
  for (const [index, called] of plan.functions.entries()) lines.push(`  fn${index + 1}[["${functionLabel(called)}"]]`)
  for (const [index, stage] of plan.stages.entries()) {
    for (const [at, operator] of stage.operators.entries()) {
      for (const { from, port } of [operator, ...(operator.also ?? [])]) {
        const parent = from < 0 ? streams.get(stage.input) : operatorId(index + 1, from)
        lines.push(`  ${parent} ${arrow(port)} ${end(operator, plan, streams) ?? operatorId(index + 1, at)}`)
      }
      if (operator.kind === "async") lines.push(`  ${operatorId(index + 1, at)} --> ${streams.get(operator.stream)}`)
    }
  }
  for (const [index, { mapping }] of plan.functions.entries()) {
    const source = mapping === undefined ? undefined : streams.get(mapping.stream)
    if (source !== undefined) lines.push(`  ${source} --> fn${index + 1}`)
  }
  return `${lines.join("\n")}\n`
}

function stageLines(stage: StagePlan, number: number): string[] {
  const boxes = stage.operators.flatMap((operator, at) =>
    isEnd(operator) ? [] : [`    ${operatorId(number, at)}["${operatorLabel(operator)}"]`],
  )
  return boxes.length === 0
    ? []
    : [`  subgraph stage${number}["${text(stage.id)}: ${partitions(stage.partitions)}"]`, ...boxes, "  end"]
}

/** Operators that only hand on to a stream or a sink: an arrow says it. */
function isEnd(operator: OperatorPlan): boolean {
  return operator.kind === "to-stream" || operator.kind === "repartition" || operator.kind === "to-sink"
}

function end(operator: OperatorPlan, plan: Plan, streams: ReadonlyMap<string, string>): string | undefined {
  if (operator.kind === "to-stream" || operator.kind === "repartition") return streams.get(operator.stream)
  if (operator.kind === "to-sink") return `sink${plan.sinks.findIndex(({ name }) => name === operator.sink) + 1}`
  return undefined
}

function arrow(port: Port): string {
  return port === "out" ? "-->" : `-. ${text(port)} .->`
}

function operatorId(stage: number, at: number): string {
  return `op${stage}_${at + 1}`
}

function operatorLabel(operator: OperatorPlan): string {
  if (operator.kind === "window") return windowed(operator, windowLabel(operator.window))
  if (operator.kind === "session") return windowed(operator, `session ${span(operator.gapMs)}`)
  if (operator.kind === "sliding") {
    const { span: held } = operator
    return windowed(operator, held.kind === "time" ? `sliding ${span(held.sizeMs)}` : `last ${held.rows} records`)
  }
  if (operator.kind === "global") {
    const { trigger } = operator
    return windowed(operator, trigger.kind === "count" ? `every ${trigger.every} records` : "global")
  }
  if (operator.kind === "async") return `${text(operator.name)}<br/>mapAsync`
  if (operator.kind === "rekey") return "keyBy"
  if (operator.kind === "side") return `input ${operator.side + 1}`
  // Operators without a name of their user have one with a "/" in it.
  return operator.name.includes("/") ? operator.kind : `${text(operator.name)}<br/>${operator.kind}`
}

function windowed({ name, time, aggregates }: WindowingShape & { readonly name: string }, label: string): string {
  const by = time === "processing" ? " by the clock" : ""
  return `${text(name)}<br/>${label}${by}<br/>${text(Object.keys(aggregates).join(", "))}`
}

function windowLabel(window: WindowPlan): string {
  if (window.kind === "calendar") {
    const { unit, timeZone, offsetMs } = window
    return offsetMs === 0 ? `${unit} in ${text(timeZone)}` : `${unit} in ${text(timeZone)} offset ${span(offsetMs)}`
  }
  const { kind, sizeMs, everyMs, offsetMs } = window
  const size = kind === "tumbling" ? `tumbling ${span(sizeMs)}` : `hopping ${span(sizeMs)} every ${span(everyMs)}`
  return offsetMs === 0 ? size : `${size} offset ${span(offsetMs)}`
}

function streamLabel({ name, role, partitions: count }: StreamPlan): string {
  return role === "repartition" ? `${text(name)}` : `${text(name)}<br/>${partitions(count)}`
}

function functionLabel({ name, http }: FunctionPlan): string {
  const routes = (http?.routes ?? []).map(({ key }) => `<br/>${text(key)}`)
  return `${text(name)}<br/>function${routes.join("")}`
}

function sinkLabel({ name, kind, format }: SinkPlan): string {
  return `${text(name)}<br/>${kind}, ${format}`
}

function partitions(count: number): string {
  return count === 1 ? "1 partition" : `${count} partitions`
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

function text(name: string): string {
  return name.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
}

/**
 * A plan as a Mermaid flowchart: streams are cylinders, operators boxes inside their stage, sinks slanted, functions boxes with two lines. Dead-letter
 * streams and the rows on their way to sinks are left out. The same plan gives the same text. What operators are called: operator-label.ts.
 */
import type { FunctionPlan, OperatorInput, OperatorPlan, Plan, SinkPlan, StagePlan, StreamPlan } from "@millrace/model"
import { labelText as text, operatorLabel } from "./operator-label.ts"

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
      if (operator.kind === "side") continue
      for (const input of [operator, ...(operator.also ?? [])]) {
        const { from, label } = source(input, stage)
        const parent = from < 0 ? streams.get(stage.input) : operatorId(index + 1, from)
        lines.push(`  ${parent} ${arrow(label)} ${end(operator, plan, streams) ?? operatorId(index + 1, at)}`)
      }
      // Where what is made elsewhere goes on.
      if (operator.kind === "async" || operator.kind === "task") lines.push(`  ${operatorId(index + 1, at)} --> ${streams.get(operator.stream)}`)
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

/** Operators that only hand on, or say which input a record is of: an arrow says it. */
function isEnd({ kind }: OperatorPlan): boolean {
  return kind === "to-stream" || kind === "repartition" || kind === "to-sink" || kind === "to-task" || kind === "side"
}

function end(operator: OperatorPlan, plan: Plan, streams: ReadonlyMap<string, string>): string | undefined {
  if (operator.kind === "to-stream" || operator.kind === "repartition" || operator.kind === "to-task") return streams.get(operator.stream)
  if (operator.kind === "to-sink") return `sink${plan.sinks.findIndex(({ name }) => name === operator.sink) + 1}`
  return undefined
}

/** Where an input comes from, and what is said of it: the port of an operator that has several, the input of one that has several. */
function source({ from, port }: OperatorInput, stage: StagePlan): { readonly from: number; readonly label: string } {
  const operator = stage.operators[from]
  if (operator?.kind !== "side") return { from, label: port === "out" ? "" : port }
  const { label } = source(operator, stage)
  const side = `input ${operator.side + 1}`
  return { from: operator.from, label: label === "" ? side : `${label}, ${side}` }
}

/** Broken where it is not an operator's main output. */
function arrow(label: string): string {
  if (label === "") return "-->"
  return label.startsWith("input ") ? `-- ${text(label)} -->` : `-. ${text(label)} .->`
}

function operatorId(stage: number, at: number): string {
  return `op${stage}_${at + 1}`
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

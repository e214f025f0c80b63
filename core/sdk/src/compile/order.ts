/** Puts stages in order: each after those that write its input, otherwise as they were met. */
import { MillraceError } from "@millrace/model"
import type { Graph, Stage } from "./graph.ts"

/** @throws MR1103 when streams form a cycle */
export function inOrder(graph: Graph): readonly Stage[] {
  const writers = new Map<string, Stage[]>()
  for (const stage of graph.stages.values()) {
    for (const operator of stage.operators) {
      if (!("stream" in operator) || operator.kind === "to-sink") continue
      writers.set(operator.stream, [...(writers.get(operator.stream) ?? []), stage])
    }
  }
  const done = new Set<Stage>()
  const visit = (stage: Stage, path: readonly string[]): void => {
    const name = stage.input.name
    if (path.includes(name)) throw cycle(graph, [...path.slice(path.indexOf(name)), name].toReversed())
    if (done.has(stage)) return
    for (const writer of writers.get(name) ?? []) visit(writer, [...path, name])
    done.add(stage)
  }
  for (const stage of graph.stages.values()) visit(stage, [])
  return [...done]
}

function cycle(graph: Graph, streams: readonly string[]): MillraceError {
  const round = streams.filter((name) => graph.definitions.has(name)).map((name) => JSON.stringify(name))
  // Where the round was entered through an internal stream, its user streams still name it.
  if (round[0] !== round.at(-1) || round.length === 1) round.push(round[0] as string)
  return new MillraceError(
    "MR1103",
    `service ${JSON.stringify(graph.service)}: the streams form a cycle: ${round.join(" to ")}. ` +
      "A record could go round for ever: end one of the flows elsewhere, or send it on from another service.",
    { service: graph.service, streams },
  )
}

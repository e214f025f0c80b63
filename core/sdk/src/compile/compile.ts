/**
 * Compiles the outlets of a service to a {@link Program}: finds what is reachable, fuses operators into stages, and
 * puts a repartition stream wherever a stateful operator follows a changed key.
 *
 * Not for: running anything, or checking settings (definitions do, when they are written).
 *
 * Invariants, with their tests in docs/specs/plan.md:
 * P1 one stage per stream that is read; P2 an operator comes after the one it reads from; P3 a definition is one
 * operator however often it is reached; P4 state is only kept where records of a key meet; P5 the streams of a service
 * form no cycle; P6 the same definitions give the same plan.
 */
import {
  type FunctionCode,
  type FunctionPlan,
  limits,
  MillraceError,
  type OperatorCode,
  type OperatorInput,
  type Plan,
  type Port,
  type Program,
  routeShape,
  type StagePlan,
  type StreamCode,
  type StandardSchema,
  type StreamPlan,
  type TaskPlan,
} from "@millrace/model"
import type { AsyncDefinition, Definition, FunctionDefinition, Input, Origin, StatefulDefinition, StreamDefinition, TaskDefinition, UnionDefinition } from "../definition.ts"
import { deadLetterSuffix } from "../stream.ts"
import { isStreamDefinition, isTaskDefinition, type SinkDefinition } from "../target.ts"
import { append, Graph, placeName, sinkOperatorName, type Stage, type StageInput, stagePlan } from "./graph.ts"
import { inOrder } from "./order.ts"
import { type Parts, partsOf, readForLate } from "./partials.ts"
import { jsonSchemaOf } from "../json-schema.ts"
import { commandStream, deadLetterStream, repartitionStream, sinkStream, userStream } from "./stream-plans.ts"

/** What a service is made of: flows with their targets, and streams that are only kept. */
export interface Part {
  /** Undefined: the target, a task or a function, is part of the service, whoever starts it. */
  readonly from: Origin | undefined
  /** Undefined: the stream that `from` names is part of the service, nothing more. */
  readonly target: Target | FunctionDefinition | undefined
}

type Target = StreamDefinition | SinkDefinition | TaskDefinition

/** Where a definition has found its place. */
interface Place {
  readonly stage: Stage
  /** Index of its operator, -1 for the stage's input. */
  readonly at: number
  readonly keyed: boolean
  /** Whether records may lie on a partition that is not their key's. */
  readonly moved: boolean
}

/** An output of a place that an operator reads. */
interface Point extends Place {
  readonly port: Port
  readonly broadcast: boolean
}

/** What an operator reads of its stage. */
type OperatorInputs = OperatorInput & { readonly also?: readonly OperatorInput[] }

function reads(points: readonly Point[]): OperatorInputs {
  const [first, ...others] = points.map(({ at: from, port }): OperatorInput => Object.freeze({ from, port }))
  return others.length === 0 ? (first as OperatorInput) : { ...(first as OperatorInput), also: Object.freeze(others) }
}

function schemaMember(name: "inputSchema" | "outputSchema", schema: StandardSchema | undefined): Partial<TaskPlan> {
  const jsonSchema = jsonSchemaOf(schema, name === "inputSchema" ? "input" : "output")
  return jsonSchema === undefined ? {} : { [name]: jsonSchema }
}

/**
 * @throws MR1102 when two definitions share a name, MR1103 when the graph cannot run
 */
export function compileParts(service: string, parts: readonly Part[]): Program {
  return new Compilation(service).program(parts)
}

class Compilation {
  readonly #graph: Graph
  readonly #places = new Map<Definition, Place>()
  readonly #outlets = new Map<Target, Origin[]>()
  readonly #tasks = new Map<TaskDefinition, TaskPlan>()
  /** Tasks that are parts of the service, or that its flows end in; of others it reads the outputs. */
  readonly #had = new Set<TaskDefinition>()
  readonly #functions = new Map<FunctionDefinition, FunctionPlan>()
  #readForLate: ReadonlySet<Definition> = new Set()

  constructor(service: string) {
    this.#graph = new Graph(service)
  }

  program(parts: readonly Part[]): Program {
    const graph = this.#graph
    this.#readForLate = readForLate(parts.flatMap(({ from }) => (from === undefined ? [] : [from])))
    for (const { target } of parts)
      if (target?.kind === "stream") graph.written.set(target.name, 0)
    for (const { from, target } of parts) {
      if (target?.kind === "function") this.#function(target)
      else if (from === undefined) this.#task(target as TaskDefinition, "had")
      else if (target === undefined) this.#meetStream(from.definition as StreamDefinition)
      else this.#outlet(from, target)
    }
    const ordered = inOrder(graph)
    const operators = new Map<string, readonly OperatorCode[]>()
    for (const stage of ordered) operators.set(stage.input.name, Object.freeze(stage.codes))
    const streams = new Map<string, StreamCode>()
    for (const { name, code } of graph.definitions.values()) streams.set(name, code)
    const tasks = new Map([...this.#tasks.keys()].map(({ name, code }) => [name, code]))
    const functions = new Map<string, FunctionCode>()
    for (const { name, code } of this.#functions.keys()) if (code !== undefined) functions.set(name, code)
    return Object.freeze({ plan: this.#plan(ordered), streams, tasks, functions, operators })
  }

  #plan(ordered: readonly Stage[]): Plan {
    const graph = this.#graph
    const deadLetters = new Map<string, StreamPlan>()
    const stages = ordered.map((stage): StagePlan => {
      const name = stage.began.name + deadLetterSuffix
      if (!deadLetters.has(name)) deadLetters.set(name, deadLetterStream(name, stage.began))
      return stagePlan(stage, name)
    })
    const users = [...graph.definitions.values()].map((definition) => this.#user(definition))
    return Object.freeze({
      service: graph.service,
      streams: Object.freeze([...users, ...graph.internal, ...deadLetters.values()]),
      stages: Object.freeze(stages),
      sinks: Object.freeze(graph.sinks),
      tasks: Object.freeze([...this.#tasks].map(([task, its]) => (this.#had.has(task) ? its : Object.freeze({ ...its, read: true as const })))),
      functions: Object.freeze([...this.#functions.values()]),
    })
  }

  #user(definition: StreamDefinition): StreamPlan {
    return userStream(definition, this.#graph.written.get(definition.name))
  }

  /** A stage of its own: its input is what the task is told, its output the stream of outputs. */
  #task(definition: TaskDefinition, why: "had" | "read"): TaskPlan {
    if (why === "had") this.#had.add(definition)
    const known = this.#tasks.get(definition)
    if (known !== undefined) return known
    const { name, settings, code, output } = definition
    this.#graph.claim(name, definition, "task")
    const commands = commandStream(`${this.#graph.service}/${name}.commands`, output)
    this.#graph.internal.push(commands)
    this.#written(output)
    const plan: TaskPlan = Object.freeze({
      ...settings,
      commands: commands.name,
      output: output.name,
      ...schemaMember("inputSchema", code.input),
      ...schemaMember("outputSchema", code.output),
    })
    this.#tasks.set(definition, plan)
    const stage = this.#stage(commands, { ...output, name })
    append(stage, { kind: "task", name, from: -1, port: "out", task: name, stream: output.name }, { kind: "task" })
    return plan
  }

  /** A stream of the user. Without the task whose outputs it is, nobody would write it. */
  #meetStream(stream: StreamDefinition): void {
    if (stream.task !== undefined) this.#task(stream.task(), "read")
    this.#graph.meet(stream)
  }

  /** A stream that the service writes besides what its stages write. */
  #written(stream: StreamDefinition): void {
    const { written } = this.#graph
    this.#graph.meet(stream)
    written.set(stream.name, written.get(stream.name) ?? 0)
  }

  #function(definition: FunctionDefinition): void {
    if (this.#functions.has(definition)) return
    const { name, settings, on, failures, successes } = definition
    this.#graph.claim(name, definition, "function")
    this.#assertRoutesFree(definition)
    if (on?.stream !== undefined) this.#meetStream(on.stream)
    if (on?.failures !== undefined) this.#written(on.failures)
    if (failures !== undefined) this.#written(failures)
    if (successes !== undefined) this.#written(successes)
    this.#functions.set(definition, Object.freeze({ ...settings, ...(on === undefined ? {} : { mapping: on.plan }) }))
  }

  #assertRoutesFree({ name, settings }: FunctionDefinition): void {
    const taken = [...this.#functions.values()].flatMap((other) => (other.http?.routes ?? []).map((route) => ({ name: other.name, route })))
    for (const route of settings.http?.routes ?? []) {
      const other = taken.find((each) => routeShape(each.route) === routeShape(route))
      if (other === undefined) {
        taken.push({ name, route })
        continue
      }
      throw this.#refusal(
        `the functions ${JSON.stringify(other.name)} and ${JSON.stringify(name)} both answer ${JSON.stringify(route.key)}`,
        "Give one of them another path or method.",
      )
    }
  }

  #outlet(from: Origin, target: Target): void {
    const before = this.#outlets.get(target) ?? []
    // P3: the same flow to the same target is one outlet, given twice.
    if (before.some(({ definition, port }) => definition === from.definition && port === from.port)) return
    this.#outlets.set(target, [...before, from])
    const { stage, at } = this.#place(from.definition)
    const base = { from: at, port: from.port }
    if (isTaskDefinition(target)) {
      const { commands, name: task } = this.#task(target, "had")
      append(stage, { kind: "to-task", name: placeName(stage, "to-task"), ...base, task, stream: commands }, { kind: "to-task" })
      return
    }
    if (isStreamDefinition(target)) {
      this.#graph.meet(target)
      const upstreamBase = this.#upstreamBase(target.name, stage)
      const name = placeName(stage, "to-stream")
      append(stage, { kind: "to-stream", name, ...base, stream: target.name, upstreamBase }, { kind: "to-stream" })
      return
    }
    this.#graph.claim(target.name, target, "sink")
    if (before.length > 0)
      throw this.#refusal(
        `the sink ${JSON.stringify(target.name)} is fed by two flows`,
        "Send both to one stream and that stream to the sink, or give each a sink of its own.",
      )
    const stream = sinkStream(`${this.#graph.service}/${target.name}.rows`, stage.input)
    this.#graph.internal.push(stream)
    const operator = sinkOperatorName(target.name)
    append(
      stage,
      { kind: "to-sink", name: operator, ...base, stream: stream.name, sink: target.name },
      { kind: "to-sink" },
    )
    this.#graph.sinks.push(Object.freeze({ ...target, stream: stream.name, stage: stage.input.name, operator }))
  }

  #place(definition: Definition): Place {
    const known = this.#places.get(definition)
    if (known !== undefined) return known
    const place = this.#newPlace(definition)
    this.#places.set(definition, place)
    return place
  }

  #newPlace(definition: Definition): Place {
    if (definition.kind === "stream") {
      this.#meetStream(definition)
      return {
        stage: this.#stage(definition, definition),
        at: -1,
        keyed: definition.code.key !== undefined,
        moved: false,
      }
    }
    if (definition.kind === "stateful") return this.#stateful(definition)
    if (definition.kind === "async") return this.#async(definition)
    if (definition.kind === "union") return this.#union(definition)
    const parent = this.#place(definition.from.definition)
    const { stage } = parent
    const { kind, code } = definition
    const at = append(stage, { kind, name: placeName(stage, kind), from: parent.at, port: definition.from.port }, code)
    return kind === "rekey" || kind === "regroup" ? { stage, at, keyed: true, moved: true } : { ...parent, at }
  }

  #stateful(definition: StatefulDefinition): Place {
    const { name, inputs, shape, code } = definition
    const points = inputs.map((input) => this.#point(input))
    for (const [side, { keyed, broadcast, stage }] of points.entries()) {
      if (keyed || broadcast || definition.keyless === true) continue
      const where = points.length === 2 ? ` on its ${side === 0 ? "left" : "right"} side, from stream ${JSON.stringify(stage.input.name)}` : ""
      throw this.#refusal(
        `the ${shape.kind} ${JSON.stringify(name)} reads records that have no key${where}`,
        `Give ${where === "" ? "its" : "that"} stream a key, or put .keyBy(…) before it.`,
      )
    }
    this.#graph.claim(name, definition, shape.kind)
    const parts = partsOf(definition, this.#readForLate)
    const sided = points.length === 1 ? points : points.map((point, side) => this.#sided(point, side))
    const ahead = parts === undefined ? sided : sided.map((point) => this.#ahead(name, point, parts))
    // P4: records of one key meet on one partition before anything is kept of them.
    const { stage, ...read } = this.#meet(name, ahead)
    const at = append(stage, { ...(parts?.whole ?? shape), name, ...read }, code)
    return { stage, at, keyed: definition.keyless !== true || points.some(({ keyed, broadcast }) => keyed && !broadcast), moved: definition.moves === true }
  }

  /** Aggregates the records of a point where they are, before they move. */
  #ahead(name: string, point: Point, { shape, code }: Parts): Point {
    const { stage, at: from, port } = point
    // It holds a "/", which names of users cannot.
    const at = append(stage, { ...shape, name: `${name}/partials`, from, port }, code)
    return { ...point, at, port: "out" }
  }

  /** The last of its stage: a stream of results follows it, in which records of one key meet. */
  #async({ name, from: { definition, port }, settings, code }: AsyncDefinition): Place {
    const { stage, at: from, keyed } = this.#place(definition)
    this.#graph.claim(name, code, "mapAsync")
    const results = repartitionStream(`${this.#graph.service}/${name}.results`, stage.input, stage.input.partitions)
    this.#graph.internal.push(results)
    const upstreamBase = this.#upstreamBase(results.name, stage)
    append(stage, { ...settings, name, from, port, stream: results.name, upstreamBase }, code)
    return { stage: this.#stage(results, stage.began), at: -1, keyed, moved: false }
  }

  #union(definition: UnionDefinition): Place {
    const { name, inputs } = definition
    const points = inputs.map((input) => this.#point(input))
    this.#graph.claim(name, definition, "union")
    const keyed = points.every((point) => point.keyed)
    const [first] = points as [Point]
    if (points.every(({ stage }) => stage === first.stage)) {
      const moved = points.some((point) => point.moved)
      const read = reads(points)
      return { stage: first.stage, at: append(first.stage, { kind: "union", name, ...read }, { kind: "union" }), keyed, moved }
    }
    const { stage, from } = this.#meet(name, points)
    return { stage, at: from, keyed, moved: false }
  }

  #point({ from, broadcast }: Input): Point {
    return { ...this.#place(from.definition), port: from.port, broadcast: broadcast === true }
  }

  /** The values of a point as `[side, value]`. */
  #sided(point: Point, side: number): Point {
    const { stage, at: from, port } = point
    const at = append(stage, { kind: "side", name: placeName(stage, "side"), from, port, side }, { kind: "side" })
    return { ...point, at, port: "out" }
  }

  /** Where records of several points that have one key are in one partition: where they are, or behind a stream. */
  #meet(name: string, points: readonly Point[]): OperatorInputs & { readonly stage: Stage } {
    const [first] = points as [Point]
    const together = points.every(({ stage, moved, broadcast }) => stage === first.stage && !moved && !broadcast)
    if (together) return { stage: first.stage, ...reads(points) }
    const partitions = Math.max(...points.map(({ stage }) => stage.input.partitions))
    const stages = new Set(points.map(({ stage }) => stage))
    const upstreams = [...stages].reduce((sum, { input }) => sum + input.partitions, 0)
    const stream = repartitionStream(`${this.#graph.service}/${name}.repartition`, { ...first.stage.input, partitions }, upstreams)
    this.#graph.internal.push(stream)
    for (const { stage, at: from, port, broadcast } of points) {
      const plan = {
        kind: "repartition" as const,
        name: points.length === 1 ? stream.name : placeName(stage, "repartition"),
        from,
        port,
        stream: stream.name,
        upstreamBase: this.#upstreamBase(stream.name, stage),
      }
      append(stage, broadcast ? { ...plan, broadcast } : plan, { kind: "repartition" })
    }
    return { stage: this.#stage(stream, first.stage.began), from: -1, port: "out" }
  }

  /** Numbers a stage's partitions among all that write a stream: each marks its watermark once for all its flows. */
  #upstreamBase(stream: string, { input: { partitions }, upstreamBases }: Stage): number {
    const known = upstreamBases.get(stream)
    if (known !== undefined) return known
    const base = this.#graph.written.get(stream) ?? 0
    upstreamBases.set(stream, base)
    if (base + partitions > limits.upstreamsMax) {
      throw this.#refusal(
        `the stream ${JSON.stringify(stream)} is written from more than ${limits.upstreamsMax} partitions`,
        "Lower the partitions of the streams before it, or join the flows earlier.",
      )
    }
    this.#graph.written.set(stream, base + partitions)
    return base
  }

  #stage(input: StageInput, began: StreamDefinition): Stage {
    const stage: Stage = { input, began, operators: [], codes: [], upstreamBases: new Map() }
    this.#graph.stages.set(input.name, stage)
    return stage
  }

  #refusal(fault: string, mend: string): MillraceError {
    return new MillraceError("MR1103", `service ${JSON.stringify(this.#graph.service)}: ${fault}. ${mend}`, {
      service: this.#graph.service,
    })
  }
}

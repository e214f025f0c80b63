/**
 * What the services under test are made of, found by name: streams, stages, sinks. A stream that several services have is
 * one stream, as on a node.
 */
import { checkCron } from "@millrace/cron"
import { together } from "@millrace/engine"
import { MillraceError, type Program, type SinkPlan, type StagePlan, type StreamCode, type StreamPlan, type TaskCode, type TaskPlan } from "@millrace/model"
import { type Keying, type Outlet, type Service, type Stream, type Target, compile } from "@millrace/sdk"

/** What names a stream or sink: itself, an outlet, or its name. */
export type Named = string | Stream<never, unknown, Keying> | Outlet | Target<never>

/** A stage and whose it is. */
export interface Staged {
  readonly program: Program
  readonly stage: StagePlan
}

/** A task and whose it is. */
export interface Tasked {
  readonly program: Program
  readonly plan: TaskPlan
  readonly code: TaskCode
}

/** A sink and whose it is. */
export interface Sunk {
  readonly service: string
  readonly sink: SinkPlan
}

interface Known {
  readonly plan: StreamPlan
  readonly program: Program
}

export class Catalogue {
  readonly stages: readonly Staged[]
  readonly sinks: readonly Sunk[]
  readonly #streams: Map<string, Known> = new Map()
  readonly #programs: readonly Program[]
  /** The services, for people. */
  readonly #title: string

  /** @throws MR1102 when services share a name or disagree about a stream, MR1103 when two write one, MR1101 for a cron that cannot be read */
  constructor(services: readonly Service[]) {
    const compiled = services.map(compile)
    const names = compiled.map(({ plan }) => plan.service)
    const twice = names.find((name, i) => names.indexOf(name) < i)
    if (twice !== undefined) {
      const message = `testService: two services are named ${JSON.stringify(twice)}; what they keep would lie in one place. Rename one.`
      throw new MillraceError("MR1102", message, { service: twice })
    }
    // As a node does when it loads them.
    for (const { plan } of compiled) {
      for (const { name, crons } of plan.tasks) for (const cron of crons) checkCron(cron, `service "${plan.service}", task "${name}"`)
    }
    const programs = together(compiled)
    this.#programs = programs
    this.#title = `${names.length === 1 ? "service" : "services"} ${names.map((name) => JSON.stringify(name)).join(", ")}`
    this.stages = programs.flatMap((program) => program.plan.stages.map((stage) => ({ program, stage })))
    this.sinks = programs.flatMap(({ plan }) => plan.sinks.map((sink) => ({ service: plan.service, sink })))
    for (const program of programs) for (const plan of program.plan.streams) this.#add(plan, program)
  }

  /** @throws MR1022 for a name that no service has */
  task(name: string): Tasked {
    for (const program of this.#programs) {
      const plan = program.plan.tasks.find((each) => each.name === name)
      const code = program.tasks.get(name)
      if (plan !== undefined && code !== undefined) return { program, plan, code }
    }
    const names = this.#programs.flatMap(({ plan }) => plan.tasks.map((each) => each.name))
    const message = `There is no task ${JSON.stringify(name)} in ${this.#title}; there are ${names.join(", ") || "none"}. Give it to service(…).`
    throw new MillraceError("MR1022", message, { task: name, tasks: names })
  }

  get programs(): readonly Program[] {
    return this.#programs
  }

  /** Streams that are told of what functions could not take. */
  get destinations(): ReadonlySet<string> {
    const all = this.#programs.flatMap(({ plan }) => plan.functions.flatMap(({ mapping, eventInvoke }) => [mapping?.onFailure, eventInvoke?.onFailure]))
    return new Set(all.flatMap((to) => (to?.kind === "stream" ? [to.stream] : [])))
  }

  /** All streams, those between stages among them. */
  get streams(): readonly StreamPlan[] {
    return [...this.#streams.values()].map(({ plan }) => plan)
  }

  /** @throws MR1008 for a name that no service has */
  stream(name: string): StreamPlan {
    const found = this.#streams.get(name)
    if (found !== undefined) return found.plan
    const names = this.streams.filter(({ role }) => role === "source" || role === "derived").map((each) => each.name)
    throw new MillraceError(
      "MR1008",
      `There is no stream ${JSON.stringify(name)} in ${this.#title}; there are ${names.join(", ")}. ` +
        "A stream is part of a service when an outlet is reached from it, or when it is given to service(…) itself.",
      { stream: name, streams: names },
    )
  }

  /** The schema, key and time of a stream; undefined for streams that users did not define. */
  code(stream: string): StreamCode | undefined {
    return this.#streams.get(stream)?.program.streams.get(stream)
  }

  /** A stream that tests write. @throws MR1008, MR1016 */
  source(name: string): StreamPlan {
    const stream = this.stream(name)
    if (stream.role === "source") return stream
    const message = `Stream ${JSON.stringify(name)} is written by the service itself; send to one that it reads only.`
    throw new MillraceError("MR1016", message, { stream: name, role: stream.role })
  }

  /** The stream, or the rows on their way to the sink. @throws MR1008 */
  streamOf(of: Named): StreamPlan {
    if (typeof of === "string") {
      const sunk = this.#streams.has(of) ? undefined : this.sinks.find(({ sink }) => sink.name === of)
      return this.stream(sunk?.sink.stream ?? of)
    }
    if (typeof of !== "object" || of === null || !("~outlet" in of || "~target" in of)) throw noOutput(of)
    const target = "~outlet" in of ? of["~outlet"].target : of["~target"]
    if (target.kind === "stream") return this.stream(target.name)
    const sunk = this.sinks.find(({ sink }) => sink.name === target.name)
    if (sunk !== undefined) return this.stream(sunk.sink.stream)
    const message = `There is no sink ${JSON.stringify(target.name)} in ${this.#title}; give its outlet to service(…).`
    throw new MillraceError("MR1008", message, { sink: target.name })
  }

  /** The stage that has an operator; undefined when none has. @throws MR1101 when two services have one of that name */
  stageWith(operator: string): Staged | undefined {
    const found = this.stages.filter(({ stage }) => stage.operators.some(({ name }) => name === operator))
    if (found.length < 2) return found[0]
    const message = `${found.length} services have an operator ${JSON.stringify(operator)}; test them apart to look into it.`
    throw new MillraceError("MR1101", message, { operator })
  }

  /** The stages that read a stream or have an operator, one of each service. @throws MR1008 when there are none */
  stagesAt(name: string): readonly Staged[] {
    const having = this.stageWith(name)
    if (having !== undefined) return [having]
    const reading = this.stages.filter(({ stage }) => stage.input === name)
    if (reading.length > 0) return reading
    const message = `watermark: no operator of ${this.#title} is named ${JSON.stringify(name)} or reads a stream of that name.`
    throw new MillraceError("MR1008", message, { name })
  }

  /** No operator of that name shows what was asked for. */
  noView(what: string, operator: string, shown: string): MillraceError {
    // A name with a "/" is no user's.
    const known = this.stages
      .flatMap(({ stage }) => stage.operators.map(({ name }) => name))
      .filter((name) => !name.includes("/"))
    const message =
      `${what}: no operator ${JSON.stringify(operator)} of ${this.#title} shows ${shown}; ` +
      `its operators with names are ${known.join(", ")}.`
    return new MillraceError("MR1101", message, { operator, operators: known })
  }

  #add(plan: StreamPlan, program: Program): void {
    const before = this.#streams.get(plan.name)
    if (before === undefined) {
      this.#streams.set(plan.name, { plan, program })
      return
    }
    if (before.plan.partitions !== plan.partitions || before.plan.format !== plan.format) {
      const message =
        `Services ${JSON.stringify(before.program.plan.service)} and ${JSON.stringify(program.plan.service)} ` +
        `define stream ${JSON.stringify(plan.name)} differently; share one definition.`
      throw new MillraceError("MR1102", message, { stream: plan.name })
    }
    // Who writes it knows it best.
    if (before.plan.role === "source" && plan.role === "derived") this.#streams.set(plan.name, { plan, program })
  }
}

/** What only plain JavaScript can give, or a cast. */
function noOutput(given: unknown): MillraceError {
  const isFlow = typeof given === "object" && given !== null && ("~origin" in given || "~table" in given)
  return new MillraceError(
    "MR1101",
    isFlow
      ? "records and values were given a flow or a table, which nothing is kept of. Give them the stream or sink that it ends in, or what its .to(…) " +
        "gave; the rows of a table are in table(…)."
      : `records and values take a stream, an outlet (what .to(…) gave), a sink, or the name of a stream or sink, and were given ${given === null ? "null" : `a value of type ${typeof given}`}.`,
  )
}

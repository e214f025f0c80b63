/**
 * The graph of a service as it grows during compilation: its streams, stages and sinks, and who owns which name.
 */
import {
  MillraceError,
  type OperatorCode,
  type OperatorPlan,
  type SinkPlan,
  type StagePlan,
  type StreamPlan,
} from "@millrace/model"
import type { StreamDefinition } from "../definition.ts"

/** What a stage must know of the stream that it reads: a user's or an internal one. */
export type StageInput = Pick<StreamPlan, "name" | "partitions" | "aheadMs" | "retentionMs" | "idleMs">

/** A stage whose operators are still being found. */
export interface Stage {
  readonly input: StageInput
  /** The stream of the user that its records began in: dead letters are kept beside it. */
  readonly began: StreamDefinition
  readonly operators: OperatorPlan[]
  readonly codes: OperatorCode[]
  /** Number of its first partition among the upstreams of each stream of the user that it writes. */
  readonly upstreamBases: Map<string, number>
}

export class Graph {
  readonly service: string
  /** Streams that users defined, in the order in which they were met. */
  readonly definitions: Map<string, StreamDefinition> = new Map()
  /** Upstream partitions, by the name of a stream of the user that this service writes. */
  readonly written: Map<string, number> = new Map()
  readonly stages: Map<string, Stage> = new Map()
  readonly sinks: SinkPlan[] = []
  /** Streams between stages and before sinks. */
  readonly internal: StreamPlan[] = []
  readonly #owners: Map<string, { readonly owner: object; readonly what: string }> = new Map()

  constructor(service: string) {
    this.service = service
  }

  /**
   * Takes a name for its owner: operators that keep state share their names, sinks theirs, as that is what is kept
   * under them. A window and the sink of its results may have one name.
   *
   * @throws MR1102 when another definition has it
   */
  claim(name: string, owner: object, what: string): void {
    const place = what === "sink" ? sinkOperatorName(name) : name
    const before = this.#owners.get(place)
    if (before !== undefined && before.owner !== owner) {
      throw new MillraceError(
        "MR1102",
        `service ${JSON.stringify(this.service)}: two definitions, a ${before.what} and a ${what}, ` +
          `are both named ${JSON.stringify(name)}. ` +
          "What is kept of each lies under its name: rename one.",
        { service: this.service, name },
      )
    }
    this.#owners.set(place, { owner, what })
  }

  /** Meets a stream of the user. @throws MR1102 when another stream has its name */
  meet(stream: StreamDefinition): void {
    const before = this.definitions.get(stream.name)
    if (before === stream) return
    if (before !== undefined) {
      throw new MillraceError(
        "MR1102",
        `service ${JSON.stringify(this.service)}: ` +
          `two different streams are both named ${JSON.stringify(stream.name)}. ` +
          "Define the stream once, in a module that both places import, or rename one.",
        { service: this.service, name: stream.name },
      )
    }
    this.definitions.set(stream.name, stream)
  }
}

/** Adds an operator to a stage; returns its place. */
export function append(stage: Stage, operator: OperatorPlan, code: OperatorCode): number {
  stage.operators.push(Object.freeze(operator))
  stage.codes.push(code)
  return stage.operators.length - 1
}

/** A name for an operator that keeps nothing. It holds a "/", which names of users cannot. */
export function placeName(stage: Stage, kind: string): string {
  return `${stage.input.name}/${stage.operators.length + 1}.${kind}`
}

/** The name of the operator that feeds a sink; names of users hold no "/". */
export function sinkOperatorName(sink: string): string {
  return `sink/${sink}`
}

/** A stage as it is in the plan. */
export function stagePlan(stage: Stage, deadLetters: string): StagePlan {
  return Object.freeze({
    id: stage.input.name,
    input: stage.input.name,
    partitions: stage.input.partitions,
    deadLetters,
    operators: Object.freeze(stage.operators),
  })
}

/** The plans of streams: those that users define, and those that a service needs besides. */
import type { StreamPlan, StreamRole } from "@millrace/model"
import type { StreamDefinition } from "../definition.ts"
import { jsonSchemaOf } from "../json-schema.ts"
import type { StageInput } from "./graph.ts"

/** Dead letters are kept at least a week: someone has to find them, mend the cause and replay them. */
const deadLetterRetentionMs = 7 * 86_400_000

/** A stream as its user defined it; `upstreams` is undefined where no stage of the service writes it. */
export function userStream(definition: StreamDefinition, upstreams: number | undefined): StreamPlan {
  const { name, partitions, outOfOrderMs, aheadMs, retentionMs, idleMs, description, code, task } = definition
  const jsonSchema = task === undefined ? jsonSchemaOf(code.schema) : jsonSchemaOf(task().code.output, "output")
  return Object.freeze({
    name,
    role: upstreams === undefined ? "source" : "derived",
    partitions,
    format: "json",
    outOfOrderMs,
    aheadMs,
    retentionMs,
    idleMs,
    keyed: code.key !== undefined,
    upstreams: upstreams ?? 0,
    ...(description === undefined ? {} : { description }),
    ...(jsonSchema === undefined ? {} : { jsonSchema }),
  })
}

/**
 * A stream between two stages. Its watermark comes in marks from upstream, so nothing is out of order here; it is kept
 * only until it has been read.
 */
export function repartitionStream(name: string, input: StageInput, upstreams: number): StreamPlan {
  return internalStream(name, "repartition", input, upstreams)
}

/** What a task is told: one partition, so that all of its runs wait in one queue. Kept only until it has been read. */
export function commandStream(name: string, input: StageInput): StreamPlan {
  return { ...internalStream(name, "task", { ...input, partitions: 1 }, 0), keyed: false }
}

/** Rows on their way to a sink. */
export function sinkStream(name: string, input: StageInput): StreamPlan {
  return internalStream(name, "sink", input, 0)
}

function internalStream(name: string, role: StreamRole, input: StageInput, upstreams: number): StreamPlan {
  return Object.freeze({
    name,
    role,
    partitions: input.partitions,
    format: "coded",
    outOfOrderMs: 0,
    aheadMs: input.aheadMs,
    retentionMs: 0,
    idleMs: input.idleMs,
    keyed: true,
    upstreams,
  })
}

/** What could not be processed, in the partition in which it failed. */
export function deadLetterStream(name: string, input: StageInput): StreamPlan {
  return Object.freeze({
    name,
    role: "dead-letter",
    partitions: input.partitions,
    format: "json",
    outOfOrderMs: 0,
    aheadMs: input.aheadMs,
    retentionMs: Math.max(input.retentionMs, deadLetterRetentionMs),
    idleMs: input.idleMs,
    keyed: true,
    upstreams: 0,
  })
}

/** GET /v1/streams. */
import type { StreamPlan } from "@millrace/model"
import type { StreamFacts, StreamList } from "@millrace/protocol"
import { json } from "../answer.ts"
import { assertReady, type Handler } from "../gate.ts"

export const listStreams: Handler = (_, { node }) => {
  assertReady(node)
  const list: StreamList = { streams: node.streams.map(streamFacts) }
  return json(JSON.stringify(list))
}

/** What is told of a stream. */
export function streamFacts({
  name,
  role,
  partitions,
  format,
  keyed,
  outOfOrderMs,
  retentionMs,
  description,
  jsonSchema,
}: StreamPlan): StreamFacts {
  return {
    name,
    role,
    partitions,
    format,
    keyed,
    outOfOrderMs,
    retentionMs,
    ...(description === undefined ? {} : { description }),
    ...(jsonSchema === undefined ? {} : { jsonSchema }),
  }
}

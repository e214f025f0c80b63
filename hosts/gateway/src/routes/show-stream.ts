/** GET /v1/streams/{stream}: what a stream is, and the offsets that each partition holds. */
import { isMillraceError, type StreamPlan } from "@millrace/model"
import type { PartitionExtent, StreamDetails } from "@millrace/protocol"
import { json } from "../answer.ts"
import { type Handler, streamOf } from "../gate.ts"
import type { GatewayNode } from "../node.ts"
import { streamFacts } from "./list-streams.ts"

export const showStream: Handler = async (context, gate) => {
  const stream = streamOf(context, gate)
  const extents = await extentsOf(gate.node, stream)
  const details: StreamDetails = { ...streamFacts(stream), ...(extents === undefined ? {} : { extents }) }
  return json(JSON.stringify(details))
}

/** Undefined when the node cannot read the stream just now: the facts are still worth telling. */
async function extentsOf(
  node: GatewayNode,
  { name, partitions }: StreamPlan,
): Promise<readonly PartitionExtent[] | undefined> {
  const all = Array.from({ length: partitions }, async (_, partition) => {
    const { first, end } = await node.read(name, partition, { kind: "latest" }, 1)
    return { partition, first, end }
  })
  try {
    return await Promise.all(all)
  } catch (error) {
    if (isMillraceError(error)) return undefined
    throw error
  }
}

/** GET /v1/streams/{stream}/live: the stream's records as server-sent events. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response"
import { MillraceError, type StreamPlan } from "@millrace/model"
import { parseLiveFrom } from "../from.ts"
import { type Handler, streamOf } from "../gate.ts"
import { liveHeadersOf } from "../live-reader.ts"
import type { From, GatewayNode } from "../node.ts"
import { queryOf } from "../query.ts"

export const followStream: Handler = async (context, gate) => {
  const stream = streamOf(context, gate)
  const { incoming, outgoing } = context.env
  const query = queryOf(incoming.url ?? "", ["from"])
  const last = incoming.headers["last-event-id"]
  // A browser that comes back asks the same address as at first, so its position goes before `from`.
  const from =
    typeof last === "string" && last !== ""
      ? parseLiveFrom(last, stream, "Last-Event-ID")
      : parseLiveFrom(query.from, stream)
  if (incoming.method === "HEAD") return new Response(null, { headers: liveHeadersOf(outgoing) })
  const seat = gate.readers.take()
  try {
    const offsets = await startOf(gate.node, stream, from)
    gate.readers.begin(seat, { node: gate.node, stream: stream.name, offsets, outgoing })
  } catch (error) {
    gate.readers.leave(seat)
    throw error
  }
  return RESPONSE_ALREADY_SENT
}

/**
 * The offset at which reading begins in every partition. It is settled before the first record, so that also a reader
 * who has seen nothing yet can come back to where it began.
 *
 * @throws MR1014, MR1009
 */
async function startOf(node: GatewayNode, stream: StreamPlan, from: From): Promise<readonly number[]> {
  const partitions = Array.from({ length: stream.partitions }, (_, partition) => partition)
  return Promise.all(
    partitions.map(async (partition) => {
      const page = await node.read(stream.name, partition, from.kind === "time" ? from : { kind: "latest" }, 1)
      switch (from.kind) {
        case "earliest":
          return page.first
        case "latest":
          return page.end
        case "time":
          return page.records[0]?.offset ?? page.next
        case "offsets": {
          const offset = from.offsets.get(partition) ?? page.first
          if (offset < page.first) {
            throw new MillraceError(
              "MR1014",
              `${stream.name}, partition ${partition}: offset ${offset} is no longer kept; the oldest is ${page.first}. ` +
                "Read from earliest.",
              { partition, offset, first: page.first },
            )
          }
          if (offset > page.end) {
            throw new MillraceError(
              "MR1009",
              `${stream.name}, partition ${partition}: offset ${offset} lies beyond the end, ${page.end}. ` +
                "Read from latest.",
              {
                partition,
                offset,
                end: page.end,
              },
            )
          }
          return offset
        }
      }
    }),
  )
}

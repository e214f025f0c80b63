/** GET /v1/streams/{stream}/records: a page of one partition. */
import { limits } from "@millrace/model"
import { pageJson } from "@millrace/protocol"
import { parsePageFrom } from "../from.ts"
import { type Handler, largeJson, streamOf } from "../gate.ts"
import { queryOf, wholeNumber } from "../query.ts"

export const readStream: Handler = async (context, gate) => {
  const stream = streamOf(context, gate)
  const query = queryOf(context.env.incoming.url ?? "", ["partition", "from", "limit"])
  const partition = wholeNumber("partition", query.partition, 0, 0, stream.partitions - 1)
  const limit = wholeNumber("limit", query.limit, 100, 1, limits.pageRecordsMax)
  return largeJson(pageJson(await gate.node.read(stream.name, partition, parsePageFrom(query.from, partition), limit)), context, gate)
}

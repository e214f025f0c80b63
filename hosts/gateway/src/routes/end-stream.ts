/** POST /v1/streams/{stream}/end: ends a bounded stream. */
import type { EndReply } from "@millrace/protocol"
import { json } from "../answer.ts"
import { type Handler, streamOf } from "../gate.ts"

export const endStream: Handler = async (context, gate) => {
  const stream = streamOf(context, gate)
  await gate.node.end(stream.name)
  const reply: EndReply = { stream: stream.name, ended: true }
  return json(JSON.stringify(reply))
}

/** POST /v1/streams/{stream}/reopen: lets a stream that has ended take records again. */
import type { ReopenReply } from "@millrace/protocol"
import { json } from "../answer.ts"
import { type Handler, streamOf } from "../gate.ts"

export const reopenStream: Handler = async (context, gate) => {
  const stream = streamOf(context, gate)
  await gate.node.reopen(stream.name)
  const reply: ReopenReply = { stream: stream.name, ended: false }
  return json(JSON.stringify(reply))
}

/** POST /v1/functions/{function}/redrive. */
import type { RedriveReply } from "@millrace/protocol"
import { json } from "../../answer.ts"
import { assertReady, type Handler } from "../../gate.ts"

export const redriveFunction: Handler = async (context, { node }) => {
  assertReady(node)
  const { outgoing } = context.env
  const gone = new AbortController()
  const onClose = (): void => gone.abort()
  outgoing.once("close", onClose)
  try {
    const reply: RedriveReply = await node.mappings.redrive(context.req.param("function") ?? "", gone.signal)
    return json(JSON.stringify(reply))
  } finally {
    outgoing.off("close", onClose)
  }
}

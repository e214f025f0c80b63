/** GET /v1/status: how the node fares, ready or not. */
import { problemOf, type StatusReply } from "@millrace/protocol"
import { json } from "../answer.ts"
import type { Handler } from "../gate.ts"

export const status: Handler = (_, { node, version }) => {
  const { unready, services } = node
  const reply: StatusReply = {
    version,
    ready: unready === undefined,
    ...(unready === undefined ? {} : { problem: problemOf(unready) }),
    services,
    node: node.status(),
  }
  return json(JSON.stringify(reply))
}

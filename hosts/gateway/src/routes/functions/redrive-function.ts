/** POST /v1/functions/{function}/redrive. */
import type { FailureDestination } from "@millrace/model"
import type { RedriveReply } from "@millrace/protocol"
import { json } from "../../answer.ts"
import { assertReady, type Handler } from "../../gate.ts"
import type { GatewayNode } from "../../node.ts"
import { queryOf } from "../../query.ts"

export const redriveFunction: Handler = async (context, { node }) => {
  assertReady(node)
  const { incoming, outgoing } = context.env
  const { stream } = queryOf(incoming.url ?? "", ["stream"])
  const gone = new AbortController()
  const onClose = (): void => gone.abort()
  outgoing.once("close", onClose)
  try {
    return json(JSON.stringify(await redriven(node, context.req.param("function") ?? "", gone.signal, stream)))
  } finally {
    outgoing.off("close", onClose)
  }
}

/** Batches that its mappings have given up, and events that nobody waited for, whichever of them lie where they can be read; of a stream its batches alone. */
async function redriven(node: GatewayNode, name: string, signal: AbortSignal, stream: string | undefined): Promise<RedriveReply> {
  if (stream !== undefined) return node.mappings.redrive(name, signal, stream)
  const isReadable = (to: FailureDestination | null | undefined): boolean => to?.kind === "stream" || to?.kind === "s3"
  const hasEvents = isReadable(node.functions.find(name)?.eventInvoke?.onFailure)
  const hasBatches = node.mappings.status().some((stand) => stand.function === name && isReadable(stand.plan.onFailure))
  const batches = hasBatches || !hasEvents ? await node.mappings.redrive(name, signal) : { batches: 0, records: 0, waiting: 0, failures: [] }
  return hasEvents ? { ...batches, events: await node.events.redrive(name, signal) } : batches
}

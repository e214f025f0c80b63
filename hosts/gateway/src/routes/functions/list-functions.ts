/** GET /v1/functions. */
import type { FunctionList, MappingReply } from "@millrace/protocol"
import { json } from "../../answer.ts"
import type { GatewayMappings } from "../../functions/mappings.ts"
import { assertReady, type Handler } from "../../gate.ts"

export const listFunctions: Handler = (_, { node }) => {
  assertReady(node)
  // What the service says goes before what was made over the API of Lambda.
  const stands = node.mappings.status().toSorted((a, b) => Number(a.isDefined) - Number(b.isDefined))
  const mappings = new Map(stands.map((status) => [status.function, status]))
  const functions = node.functions.list.map(({ plan, service, instances, busy }) => {
    const { name, description, source, timeoutMs, memoryMegabytes, concurrency, mapping, http } = plan
    return {
      name,
      service,
      ...(description === undefined ? {} : { description }),
      ...(source.kind === "module" ? { file: source.file, handler: source.handler } : {}),
      timeoutMs,
      memoryMegabytes,
      ...(concurrency === null ? {} : { concurrency }),
      instances,
      busy,
      ...streamOf(mapping?.stream ?? mappings.get(name)?.stream),
      ...mappingOf(mappings.get(name)),
      ...(http === undefined ? {} : { routes: http.routes.map(({ key }) => key) }),
    }
  })
  return json(JSON.stringify({ functions } satisfies FunctionList))
}

function streamOf(stream: string | undefined): { readonly stream?: string } {
  return stream === undefined ? {} : { stream }
}

function mappingOf(status: ReturnType<GatewayMappings["status"]>[number] | undefined): { readonly mapping?: MappingReply } {
  if (status === undefined) return {}
  const { uuid, state, shards, figures, isIdle, error } = status
  const { polled, filteredOut, invoked, failedInvoke, dropped, delivered, iteratorAgeMs } = figures
  const why = error === undefined ? {} : { error: { code: error.code, message: error.message } }
  return { mapping: { uuid, state, shards, polled, filteredOut, invoked, failedInvoke, dropped, delivered, iteratorAgeMs, idle: isIdle, ...why } }
}

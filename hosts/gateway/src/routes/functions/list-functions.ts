/** GET /v1/functions. */
import type { FunctionList, MappingReply } from "@millrace/protocol"
import { json } from "../../answer.ts"
import type { MappingStand } from "../../functions/mappings.ts"
import { assertReady, type Handler } from "../../gate.ts"

export const listFunctions: Handler = (_, { node }) => {
  assertReady(node)
  // What the service says goes before what was made over the API of Lambda.
  const stands = node.mappings.status().toSorted((a, b) => Number(b.isDefined) - Number(a.isDefined))
  const mappings = Map.groupBy(stands, (status) => status.function)
  const functions = node.functions.list.map(({ plan, service, instances, busy }) => {
    const { name, description, source, timeoutMs, memoryMegabytes, concurrency, mapping, http } = plan
    const [first, ...others] = (mappings.get(name) ?? []).map(mappingReply)
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
      ...streamOf(mapping?.stream ?? first?.stream),
      ...(first === undefined ? {} : { mapping: first }),
      mappings: first === undefined ? [] : [first, ...others],
      ...(http === undefined ? {} : { routes: http.routes.map(({ key }) => key) }),
    }
  })
  return json(JSON.stringify({ functions } satisfies FunctionList))
}

function streamOf(stream: string | undefined): { readonly stream?: string } {
  return stream === undefined ? {} : { stream }
}

function mappingReply({ uuid, stream, state, shards, figures, isIdle, error }: MappingStand): MappingReply {
  const { polled, filteredOut, invoked, failedInvoke, dropped, delivered, iteratorAgeMs } = figures
  const why = error === undefined ? {} : { error: { code: error.code, message: error.message } }
  return { uuid, stream, state, shards, polled, filteredOut, invoked, failedInvoke, dropped, delivered, iteratorAgeMs, idle: isIdle, ...why }
}

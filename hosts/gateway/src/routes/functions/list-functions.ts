/** GET /v1/functions. */
import type { FunctionList } from "@millrace/protocol"
import { json } from "../../answer.ts"
import { assertReady, type Handler } from "../../gate.ts"

export const listFunctions: Handler = (_, { node }) => {
  assertReady(node)
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
      ...(mapping === undefined ? {} : { stream: mapping.stream }),
      ...(http === undefined ? {} : { routes: http.routes.map(({ key }) => key) }),
    }
  })
  return json(JSON.stringify({ functions } satisfies FunctionList))
}

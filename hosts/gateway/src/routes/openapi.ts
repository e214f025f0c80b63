/** GET /v1/openapi.json. */
import { openApi } from "@millrace/protocol"
import { json } from "../answer.ts"
import type { Handler } from "../gate.ts"

export const openapi: Handler = (_, { node, version }) =>
  json(JSON.stringify(openApi({ version, streams: node.streams, tasks: node.tasks.plans, functions: node.functions.plans })))

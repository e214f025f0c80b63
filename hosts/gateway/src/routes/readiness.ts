/** GET /readyz: the node can serve. */
import { json } from "../answer.ts"
import { assertReady, type Handler } from "../gate.ts"

export const readiness: Handler = (_, { node }) => {
  assertReady(node)
  return json('{"status":"ready"}')
}

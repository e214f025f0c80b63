/** GET /: the addresses of the node. */
import { routes } from "@millrace/protocol"
import { json } from "../answer.ts"
import type { Handler } from "../gate.ts"

const addresses = Object.fromEntries(routes.map(({ method, path, summary }) => [`${method} ${path}`, summary]))

export const indexPage: Handler = (_, { version }) =>
  json(JSON.stringify({ name: "millrace", version, addresses }, undefined, 2))

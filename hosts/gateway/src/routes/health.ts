/** GET /healthz: the process is alive, whatever else. */
import { json } from "../answer.ts"
import type { Handler } from "../gate.ts"

export const health: Handler = () => json('{"status":"alive"}')

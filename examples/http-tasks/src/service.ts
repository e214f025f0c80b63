/** A route, the handler that answers it, and the task that it calls. */
import { http, service } from "millrace"
import { describeTable } from "./describe-table.ts"

export default service("tables", [http("POST /tables", "./tables.ts", { timeout: "30s", memory: 256 }), describeTable])

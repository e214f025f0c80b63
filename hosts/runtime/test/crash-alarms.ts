// A node that is killed when so many of its workers have been replaced.
import path from "node:path"
import type { Log } from "../src/log.ts"
import { startNode } from "../src/start-node.ts"
import { hanging } from "./bench.ts"

const [dir = "", file = "", deaths = "1", body = ""] = process.argv.slice(2)
let died = 0
const log: Log = {
  info: () => undefined,
  warn: () => undefined,
  error: (facts) => {
    if ((facts as { during?: string }).during === "stage" && ++died === Number(deaths)) process.kill(process.pid, "SIGKILL")
  },
}
const node = await startNode({ files: [file], dataDir: path.join(dir, "data"), workers: 2, log, bounds: hanging })
await node.ingest({ stream: "wishes", format: "ndjson", body: new TextEncoder().encode(body), idempotencyKey: "wishes" })

// A node that asks a server until it is killed.
import path from "node:path"
import { openLog } from "../src/log.ts"
import { startNode } from "../src/start-node.ts"

const [dir = "", file = "", from = "", to = ""] = process.argv.slice(2)
const node = await startNode({ files: [file], dataDir: path.join(dir, "data"), workers: 2, log: openLog("error") })
for (let id = Number(from); id < Number(to); id += 50) {
  const asks = Array.from({ length: 50 }, (_, i) => JSON.stringify({ id: id + i, key: `k${(id + i) % 7}` })).join("\n")
  // The same body under the same key counts once, however often it is sent.
  await node.ingest({ stream: "asks", format: "ndjson", body: new TextEncoder().encode(asks), idempotencyKey: `from-${id}` })
}

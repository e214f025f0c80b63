// A node that gives itself events that nobody waits for as long as it lives, and says which are confirmed: for a test that kills it.
import { startNode } from "../src/start-node.ts"
import { serviceFile } from "./bench.ts"

const [dataDir = "", from = "0"] = process.argv.slice(2)
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
const node = await startNode({ files: [serviceFile("noted")], dataDir, workers: 1, log: silent })
for (let n = Number(from); ; n++) {
  if (n < Number(from) + 300) {
    await node.events.add("note", JSON.stringify({ n }), { requestId: crypto.randomUUID() })
    process.stdout.write(`${n + 1}\n`)
  } else {
    if (node.status().idle) process.stdout.write("idle\n")
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

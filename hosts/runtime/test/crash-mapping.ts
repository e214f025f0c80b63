// A node that sends itself orders as long as it lives, and says which are acknowledged: for a test that kills it.
import { startNode } from "../src/start-node.ts"
import { send, serviceFile } from "./bench.ts"

const [dataDir = "", from = "0"] = process.argv.slice(2)
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
const node = await startNode({ files: [serviceFile("mapped")], dataDir, workers: 1, log: silent })
for (let n = Number(from); ; n += 10) {
  const records = Array.from({ length: 10 }, (_, i) => ({ key: `key ${(n + i) % 7}`, n: n + i }))
  if (n < Number(from) + 400) {
    await send(node, "orders", records)
    process.stdout.write(`${n + 10}\n`)
  } else {
    if (node.status().idle) process.stdout.write("idle\n")
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

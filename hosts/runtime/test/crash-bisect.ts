// A node whose function is being fed batches that it has to split, until it is killed: says which orders are acknowledged, and when all
// that there is has been done.
import { startNode } from "../src/start-node.ts"
import { send, serviceFile } from "./bench.ts"
import { isPoison } from "./poison.ts"

const [dataDir = "", from = "0", to = "0"] = process.argv.slice(2)
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
const node = await startNode({ files: [serviceFile("bisected")], dataDir, workers: 1, log: silent })
for (let n = Number(from); n < Number(to); n += 8) {
  const orders = Array.from({ length: 8 }, (_, i) => ({ key: `key ${(n + i) % 3}`, n: n + i, poison: isPoison(n + i) }))
  await send(node, "orders", orders, `orders from ${n}`)
  process.stdout.write(`${n + 8}\n`)
}
while (!node.status().idle) await new Promise((resolve) => setTimeout(resolve, 20))
process.stdout.write("idle\n")
setInterval(() => undefined, 60_000)

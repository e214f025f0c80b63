// A node that is killed as soon as a file is where it belongs, before the disk has the commit that notes it.
import fs from "node:fs"
import path from "node:path"
import { openLog } from "../src/log.ts"
import { startNode } from "../src/start-node.ts"

const [dir = "", file = ""] = process.argv.slice(2)
const out = path.join(dir, "out", "lines")
const real = fs.writev
// The journal writes with writev; the commit that notes the file is the first after it is there.
fs.writev = ((...args: Parameters<typeof fs.writev>) => {
  if (fs.existsSync(out) && fs.readdirSync(out).length > 0) process.kill(process.pid, "SIGKILL")
  real(...args)
}) as typeof fs.writev

const node = await startNode({ files: [file], dataDir: path.join(dir, "data"), workers: 1, log: openLog("error") })
const lines = Array.from({ length: 200 }, (_, i) => JSON.stringify({ id: `line-${i}`, v: i })).join("\n")
await node.ingest({ stream: "lines", format: "ndjson", body: new TextEncoder().encode(lines) })
await node.end("lines")

// A node that is killed as soon as a file is where it belongs, before the disk has the commit that notes it.
import fs from "node:fs"
import path from "node:path"
import { openLog } from "../src/log.ts"
import { startNode } from "../src/start-node.ts"

const [dir = "", file = ""] = process.argv.slice(2)
const out = path.join(dir, "out", "lines")
// The journal writes with writev, small groups with writevSync; the commit that notes the file is the first after it is there.
const { writev, writevSync } = fs
function killWithFiles(): void {
  if (fs.existsSync(out) && fs.readdirSync(out).length > 0) process.kill(process.pid, "SIGKILL")
}
fs.writev = ((...args: Parameters<typeof fs.writev>) => {
  killWithFiles()
  writev(...args)
}) as typeof fs.writev
fs.writevSync = (...args) => {
  killWithFiles()
  return writevSync(...args)
}

const node = await startNode({ files: [file], dataDir: path.join(dir, "data"), workers: 1, log: openLog("error") })
const lines = Array.from({ length: 200 }, (_, i) => JSON.stringify({ id: `line-${i}`, v: i })).join("\n")
await node.ingest({ stream: "lines", format: "ndjson", body: new TextEncoder().encode(lines) })
await node.end("lines")

// Loaded before each test file by tools/test-run.ts: tells its process id, and, when asked by SIGQUIT, what the file has left open.
// In the threads and programs that a test starts it does nothing.
import { subscribe } from "node:diagnostics_channel"
import fs from "node:fs"
import path from "node:path"
import { isMainThread, type Worker } from "node:worker_threads"

const pids = process.env["MILLRACE_TEST_PIDS"]
const file = process.argv[1] ?? ""
if (isMainThread && pids !== undefined && file.endsWith(".test.ts")) guard(pids)

function guard(folder: string): void {
  fs.writeFileSync(path.join(folder, String(process.pid)), file)
  // Programs that the test starts must not take themselves for it.
  delete process.env["MILLRACE_TEST_PIDS"]

  const threads = new Map<Worker, string>()
  subscribe("worker_threads", (message) => {
    const { worker } = message as { readonly worker: Worker }
    const began = /at (?:.* \()?(?:file:\/\/)?([^\s()]+\.test\.ts|[^\s()]*\/src\/[^\s()]+):(\d+):\d+\)?$/m.exec(new Error("").stack ?? "")
    threads.set(worker, began === null ? "" : `, started at ${path.relative(process.cwd(), began[1] ?? "")}:${began[2]}`)
    worker.once("exit", () => threads.delete(worker))
  })
  process.on("SIGQUIT", () => {
    const open = [...[...threads].map(([{ threadId }, began]) => `thread ${threadId}${began}`), ...handles()]
    process.stderr.write(`${open.length === 0 ? "nothing that node can name" : open.join("\n")}\n`)
    process.exit(1)
  })
}

/** What a server, a socket or a child process may have. */
interface Handle {
  readonly fd?: number
  readonly spawnfile?: string
  readonly spawnargs?: readonly string[]
  readonly pid?: number
  readonly listening?: boolean
  readonly address?: () => unknown
  readonly remotePort?: number
}

/** What keeps this process alive besides threads, each in a few words. */
function handles(): readonly string[] {
  const listed = (process as unknown as { _getActiveHandles(): readonly object[] })._getActiveHandles()
  const named = listed.flatMap((handle) => {
    const { fd, spawnfile, spawnargs, pid, listening, address, remotePort } = handle as Handle
    if (fd === 0 || fd === 1 || fd === 2) return []
    if (spawnfile !== undefined) return [`process ${pid}: ${spawnargs?.join(" ")}`]
    if (listening === true) return [`server listening on ${JSON.stringify(address?.call(handle))}`]
    if (remotePort !== undefined) return [`connection to port ${remotePort}`]
    return []
  })
  const counted = new Map<string, number>()
  for (const kind of process.getActiveResourcesInfo()) {
    if (/^(TTYWrap|PipeWrap|SignalWrap|TCPServerWrap|ProcessWrap|TCPSocketWrap)$/.test(kind)) continue
    counted.set(kind, (counted.get(kind) ?? 0) + 1)
  }
  return [...named, ...[...counted].map(([kind, times]) => `${times} × ${kind}`)]
}

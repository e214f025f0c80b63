/**
 * A node as a user starts it: `millrace start` in a process of its own, from the built package, in a directory that
 * goes away with it.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { type AddressInfo, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

const root = resolve(import.meta.dirname, "../../..")
const built = join(root, "hosts/cli/dist/main.js")

export interface NodeProcess {
  readonly url: string
  readonly dir: string
  readonly pid: number
  /** From spawning to `/readyz` answering 200, in ms. */
  readonly readyMs: number
  rssBytes(): number
  /** User and system time so far, in seconds. */
  cpuSeconds(): number
  kill(signal: NodeJS.Signals): Promise<void>
}

/** A new empty directory for a node. */
export function newDirectory(): string {
  return mkdtempSync(join(tmpdir(), "millrace-bench-"))
}

export function removeDirectory(dir: string): void {
  rmSync(dir, { recursive: true, force: true })
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}

/** For profiles: NODE_FLAGS="--cpu-prof --cpu-prof-dir=/tmp/profile" npm run bench -- pipeline */
const nodeOptions = process.env["NODE_FLAGS"]?.split(" ") ?? []

/**
 * Starts a node and waits until it is ready.
 *
 * @param options - more words for `millrace start`
 */
export async function startProcess(files: readonly string[], dir: string, options: readonly string[] = []): Promise<NodeProcess> {
  if (!existsSync(built)) throw new Error("The benchmarks run the built packages: run `npm run build` first.")
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const started = performance.now()
  const child = spawn(process.execPath, [...nodeOptions, built, "start", ...files, "--data", join(dir, "data"), "--port", String(port), ...options], {
    stdio: ["ignore", nodeOptions.length > 0 ? "inherit" : "ignore", "inherit"],
  })
  const exited = new Promise<void>((done) => child.once("exit", () => done()))
  while (!(await isReady(url))) {
    if (child.exitCode !== null) throw new Error(`millrace start exited with ${child.exitCode}`)
    await pause(1)
  }
  const readyMs = performance.now() - started
  const pid = child.pid as number
  return {
    url,
    dir,
    pid,
    readyMs,
    rssBytes: () => statusBytes(pid, "VmRSS"),
    cpuSeconds: () => cpuSecondsOf(pid),
    kill: (signal) => killed(child, signal, exited),
  }
}

async function killed(child: ChildProcess, signal: NodeJS.Signals, exited: Promise<void>): Promise<void> {
  child.kill(signal)
  await exited
}

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/readyz`)
    await answer.arrayBuffer()
    return answer.ok
  } catch {
    return false
  }
}

/** Waits between looks at something outside this process. */
export function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms))
}

function statusBytes(pid: number, field: string): number {
  const line = readFileSync(`/proc/${pid}/status`, "utf8").split("\n").find((each) => each.startsWith(`${field}:`))
  return Number(line?.replace(/\D/g, "")) * 1024
}

function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Highest resident memory of a process so far, in bytes. */
export function peakBytes(pid: number): number {
  return statusBytes(pid, "VmHWM")
}

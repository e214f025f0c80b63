/** Runs `millrace` as its users do: as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import path from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))
const root = path.resolve(import.meta.dirname, "../../..")

export interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly stdin?: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a command to its end. */
export async function millrace(words: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = start(words, options)
  child.stdin?.on("error", () => {})
  child.stdin?.end(options.stdin ?? "")
  let out = ""
  let err = ""
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text))
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text))
  const [code] = (await once(child, "close")) as [number | null]
  return { code, out, err }
}

/** A command that keeps running and tells what happens as lines of JSON. */
export class LongRun {
  readonly child: ChildProcess
  readonly #lines: AsyncIterator<string>
  err = ""

  constructor(words: readonly string[], options: RunOptions = {}) {
    this.child = start(words, options)
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.err += text))
    this.#lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  }

  /** The next event; fails when the process ended without one. */
  async next<Event>(): Promise<Event> {
    const line = await this.#lines.next()
    if (line.done === true) throw new Error(`millrace ended: ${this.err}`)
    return JSON.parse(line.value) as Event
  }

  /** Waits until it ends by itself. */
  async ended(): Promise<number | null> {
    if (this.child.exitCode === null) await once(this.child, "close")
    return this.child.exitCode
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode
    const ended = once(this.child, "close")
    this.child.kill(signal)
    const [code] = (await ended) as [number | null]
    return code
  }
}

/** A directory of its own inside the repository, where a service finds the package `millrace`. */
export function workplace(): { readonly dir: string; remove(): void } {
  mkdirSync(path.join(root, ".millrace"), { recursive: true })
  const dir = mkdtempSync(path.join(root, ".millrace", "cli-test-"))
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

function start(words: readonly string[], { cwd = root, env = {} }: RunOptions): ChildProcess {
  return spawn(process.execPath, ["--conditions=@millrace/source", main, ...words], {
    cwd,
    env: { ...process.env, MILLRACE_URL: "", NODE_TEST_CONTEXT: "", ...env },
  })
}

/** A program of the repository as a process of its own, which tells what happens as lines of JSON. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import path from "node:path"
import { createInterface } from "node:readline"

const root = path.resolve(import.meta.dirname, "../../..")

/** Paths within the repository. */
export const programs: Readonly<Record<"millrace" | "flights" | "flightsService" | "tasksService", string>> = {
  millrace: "hosts/cli/src/main.ts",
  flights: "examples/flights/src/main.ts",
  tasksService: path.join(root, "testing/verify/src/tasks-service.ts"),
  flightsService: path.join(root, "examples/flights/src/service.ts"),
}

export interface ProgramEvent {
  readonly event: string
  readonly [fact: string]: unknown
}

const running = new Set<ChildProcess>()

/** Ends what still runs: after a test that failed or took too long. */
export function killPrograms(): void {
  for (const child of running) child.kill("SIGKILL")
}

export class Program {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #ended: Promise<unknown>
  /** The end of what it wrote to stderr. */
  err = ""

  /** @param environment - beside this process's own */
  constructor(file: string, words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const env: NodeJS.ProcessEnv = { ...process.env, ...environment }
    delete env["NODE_TEST_CONTEXT"]
    this.#child = spawn(process.execPath, ["--conditions=@millrace/source", path.join(root, file), ...words], {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    })
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.err = (this.err + text).slice(-8_000)))
    running.add(this.#child)
    this.#ended = once(this.#child, "close").finally(() => running.delete(this.#child))
    this.#lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  }

  /** The next event; undefined once the program has ended. */
  async next(): Promise<ProgramEvent | undefined> {
    const line = await this.#lines.next()
    return line.done === true ? undefined : (JSON.parse(line.value) as ProgramEvent)
  }

  /** The next event of this name; throws when the program ends before. */
  async until(name: string): Promise<ProgramEvent> {
    for (;;) {
      const event = await this.next()
      if (event === undefined) throw new Error(`it ended without ${name}: ${this.err}`)
      if (event.event === name) return event
    }
  }

  /** Sends a signal, unless it has ended, and waits for the end. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal)
    await this.#ended
  }

  /** Waits for the end. */
  async exitCode(): Promise<number | null> {
    await this.#ended
    return this.#child.exitCode
  }
}

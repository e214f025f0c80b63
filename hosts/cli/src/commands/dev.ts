/** `millrace dev FILE`: a node whose service is reloaded whenever its file, or one that it imports, is saved. */
import path from "node:path"
import { errorData } from "@millrace/model"
import type { Command } from "commander"
import { connect } from "../client.ts"
import { example } from "../example.ts"
import { FirstFiles } from "../first-files.ts"
import type { RunningNode } from "../node.ts"
import { kinesisCredentialsOf } from "../kinesis-credentials.ts"
import { addNodeOptions, type NodeOptions, startOptionsOf } from "../node-options.ts"
import { overview } from "../overview.ts"
import { renewAtHangup } from "../renewed-certificate.ts"
import { serviceFile } from "../service-file.ts"
import { stopped, type Terminal } from "../terminal.ts"
import { TypeCheck, type TypeFault } from "../type-check.ts"
import { ServiceWatch } from "../watch.ts"

/** Faults of types that are listed. */
const faultsShown = 10

export function define(command: Command, terminal: Terminal): void {
  addNodeOptions(command)
    .argument("<FILE>", "module that exports a service")
    .option("--json", "print what happens as lines of JSON")
    .addHelpText("after", example("millrace dev service.ts", "Records and state stay when the service is reloaded."))
    .action((file: string, options: NodeOptions) => dev(serviceFile(file), options, terminal))
}

async function dev(file: string, options: NodeOptions, terminal: Terminal): Promise<void> {
  // Loaded here, so that --help does not wait for it.
  const { startNode } = await import("../node.ts")
  const node = await startNode({ files: [file], ...startOptionsOf(options), ...kinesisCredentialsOf(terminal.env) })
  const reloads = new Reloads(node, file, path.resolve(options.data), options.json === true, terminal)
  try {
    await reloads.watch()
    await stopped(terminal)
  } finally {
    await reloads.close()
  }
  await node.close()
}

/** One reload at a time; what changes during one is taken up by the next. */
class Reloads {
  readonly #node: RunningNode
  readonly #file: string
  readonly #dataDir: string
  readonly #json: boolean
  readonly #terminal: Terminal
  readonly #watch: ServiceWatch
  readonly #types: TypeCheck
  #faulty = false
  #firstFiles: FirstFiles | undefined
  #running = Promise.resolve()

  constructor(node: RunningNode, file: string, dataDir: string, json: boolean, terminal: Terminal) {
    this.#node = node
    this.#file = file
    this.#dataDir = dataDir
    this.#json = json
    this.#terminal = terminal
    this.#watch = new ServiceWatch(file, () => {
      this.#running = this.#running.then(() => this.#reload())
    })
    this.#types = new TypeCheck(file, (faults) => this.#onTypes(faults))
  }

  async watch(): Promise<void> {
    renewAtHangup(this.#node, this.#terminal, (event, words) => this.#tell(event, words))
    await this.#watch.refresh()
    const { url, tlsUrl, services, outDir } = this.#node
    const files = `${this.#watch.size} ${this.#watch.size === 1 ? "file" : "files"}`
    this.#tell(
      { event: "ready", url, tlsUrl, services, data: this.#dataDir, out: outDir, pid: process.pid },
      `Millrace is ready at ${url}${tlsUrl === undefined ? "" : ` and ${tlsUrl}`}: ${services.join(", ")}. Data in ${this.#dataDir}. Watching ${files}; Ctrl-C stops.`,
    )
    await this.#show()
    this.#firstFiles = new FirstFiles(this.#node, (event, words) => this.#tell(event, words))
    this.#types.begin()
  }

  async close(): Promise<void> {
    this.#watch.close()
    this.#firstFiles?.close()
    this.#types.close()
    await this.#running
  }

  async #reload(): Promise<void> {
    const started = this.#terminal.now()
    try {
      await this.#node.deploy([this.#file])
      const ms = this.#terminal.now() - started
      const { services } = this.#node
      this.#tell({ event: "reloaded", services, ms }, `Reloaded ${services.join(", ")} in ${ms} ms.`)
      await this.#show()
    } catch (error) {
      const { code, message } = errorData(error)
      this.#tell({ event: "refused", code, message }, `Not reloaded, the version before goes on: ${message} [${code}]`)
    }
    await this.#watch.refresh()
    this.#types.begin()
  }

  /** What there is to call and to look at. Machines ask the node itself. */
  async #show(): Promise<void> {
    if (this.#json) return
    const { url } = this.#node
    const lines = await overview(connect(url), url, this.#node.status().sinks).catch(() => [])
    for (const line of lines) this.#terminal.out(`${line}\n`)
  }

  #onTypes(faults: readonly TypeFault[]): void {
    if (faults.length === 0 && !this.#faulty) return
    this.#faulty = faults.length > 0
    const shown = faults.slice(0, faultsShown).map(({ file, line, column, code, message }) => `  ${path.relative("", file)}:${line}:${column} ${code} ${message}\n`)
    const more = faults.length > faultsShown ? `  and ${faults.length - faultsShown} more\n` : ""
    const words = this.#faulty ? `The types are not right; the service runs all the same:\n${shown.join("")}${more}` : "The types are right again.\n"
    this.#tell({ event: "types", faults }, words.trimEnd())
  }

  #tell(event: object, words: string): void {
    this.#terminal.out(this.#json ? `${JSON.stringify(event)}\n` : `${words}\n`)
  }
}

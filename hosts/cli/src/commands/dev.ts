/** `millrace dev FILE`: a node whose service is reloaded whenever its file, or one that it imports, is saved. */
import { errorData } from "@millrace/model"
import type { Command } from "commander"
import { example } from "../example.ts"
import type { RunningNode } from "../node.ts"
import { kinesisCredentialsOf } from "../kinesis-credentials.ts"
import { addNodeOptions, type NodeOptions, startOptionsOf } from "../node-options.ts"
import { serviceFile } from "../service-file.ts"
import { stopped, type Terminal } from "../terminal.ts"
import { ServiceWatch } from "../watch.ts"

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
  const reloads = new Reloads(node, file, options.json === true, terminal)
  await reloads.watch()
  await stopped(terminal)
  await reloads.close()
  await node.close()
}

/** One reload at a time; what changes during one is taken up by the next. */
class Reloads {
  readonly #node: RunningNode
  readonly #file: string
  readonly #json: boolean
  readonly #terminal: Terminal
  readonly #watch: ServiceWatch
  #running = Promise.resolve()

  constructor(node: RunningNode, file: string, json: boolean, terminal: Terminal) {
    this.#node = node
    this.#file = file
    this.#json = json
    this.#terminal = terminal
    this.#watch = new ServiceWatch(file, () => {
      this.#running = this.#running.then(() => this.#reload())
    })
  }

  async watch(): Promise<void> {
    await this.#watch.refresh()
    const { url, services, outDir } = this.#node
    const files = `${this.#watch.size} ${this.#watch.size === 1 ? "file" : "files"}`
    this.#tell(
      { event: "ready", url, services, out: outDir, pid: process.pid },
      `Millrace is ready at ${url}: ${services.join(", ")}. Watching ${files}; Ctrl-C stops.`,
    )
  }

  async close(): Promise<void> {
    this.#watch.close()
    await this.#running
  }

  async #reload(): Promise<void> {
    const started = this.#terminal.now()
    try {
      await this.#node.deploy([this.#file])
      const ms = this.#terminal.now() - started
      const { services } = this.#node
      this.#tell({ event: "reloaded", services, ms }, `Reloaded ${services.join(", ")} in ${ms} ms.`)
    } catch (error) {
      const { code, message } = errorData(error)
      this.#tell({ event: "refused", code, message }, `Not reloaded, the version before goes on: ${message} [${code}]`)
    }
    await this.#watch.refresh()
  }

  #tell(event: object, words: string): void {
    this.#terminal.out(this.#json ? `${JSON.stringify(event)}\n` : `${words}\n`)
  }
}

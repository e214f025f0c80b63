/** `millrace start [FILE…]`: a node, until it is told to stop. */
import path from "node:path"
import type { Command } from "commander"
import { example } from "../example.ts"
import { kinesisCredentialsOf } from "../kinesis-credentials.ts"
import { addNodeOptions, type NodeOptions, startOptionsOf } from "../node-options.ts"
import { renewAtHangup } from "../renewed-certificate.ts"
import { serviceFile } from "../service-file.ts"
import { stopped, type Terminal } from "../terminal.ts"

export function define(command: Command, terminal: Terminal): void {
  addNodeOptions(command)
    .argument("[FILE...]", "modules that export services")
    .option("--json", "print what happens as lines of JSON")
    .addHelpText(
      "after",
      example("millrace start service.ts --data .millrace/data", "SIGTERM and Ctrl-C stop it in good order; SIGHUP reads the TLS certificate again."),
    )
    .action((files: readonly string[], options: NodeOptions) => start(files, options, terminal))
}

async function start(files: readonly string[], options: NodeOptions, terminal: Terminal): Promise<void> {
  // Loaded here, so that --help does not wait for it.
  const { startNode } = await import("../node.ts")
  const { giveMemoryBackAtRest } = await import("@millrace/runtime")
  const credentials = kinesisCredentialsOf(terminal.env)
  const node = await startNode({ files: files.map(serviceFile), ...startOptionsOf(options), ...credentials })
  // This process is the node's alone.
  giveMemoryBackAtRest()
  renewAtHangup(node, terminal, (event, words) => terminal.out(options.json ? `${JSON.stringify(event)}\n` : `${words}\n`))
  const { url, tlsUrl, services, outDir } = node
  const running = services.length === 0 ? "no services" : services.join(", ")
  terminal.out(
    options.json
      ? `${JSON.stringify({ event: "ready", url, tlsUrl, services, data: path.resolve(options.data), out: outDir, pid: process.pid })}\n`
      : `Millrace is ready at ${url}${tlsUrl === undefined ? "" : ` and ${tlsUrl}`}: ${running}. Data in ${path.resolve(options.data)}, files in ${path.resolve(outDir)}.\n`,
  )
  if (options.json !== true) {
    const { overview } = await import("../overview.ts")
    const { connect } = await import("../client.ts")
    for (const line of await overview(connect(url), url, node.status().sinks).catch(() => [])) terminal.out(`${line}\n`)
  }
  await stopped(terminal)
  await node.close()
  terminal.out(options.json ? `${JSON.stringify({ event: "stopped" })}\n` : "Stopped in good order.\n")
}

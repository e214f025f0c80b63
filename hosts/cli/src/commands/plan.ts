/** `millrace plan FILE`: what a service does, as a diagram. Runs nothing but the file's definitions, and refuses what `start` would. */
import { compile, diagram } from "@millrace/sdk"
import type { Command } from "commander"
import { example } from "../example.ts"
import { loadService } from "../load-service.ts"
import { serviceFile } from "../service-file.ts"
import type { Terminal } from "../terminal.ts"

export function define(command: Command, terminal: Terminal): void {
  command
    .argument("<FILE>", "module that exports the service")
    .option("--json", "print the plan itself as JSON")
    .addHelpText(
      "after",
      example(
        "millrace plan service.ts > service.mmd",
        "A Mermaid flowchart; Markdown on GitHub and many editors draw it.",
      ),
    )
    .action(async (file: string, { json }: { readonly json?: true }) => {
      const service = await loadService(file)
      // What a node would refuse is refused here, too; the plan that is shown names no files of this machine.
      const { programOf } = await import("@millrace/runtime")
      programOf(service, serviceFile(file))
      const { plan } = compile(service)
      terminal.out(json ? `${JSON.stringify(plan)}\n` : diagram(plan))
    })
}

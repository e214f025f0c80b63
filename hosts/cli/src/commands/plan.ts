/** `millrace plan FILE`: what a service does, as a diagram. Runs nothing but the file's definitions. */
import { compile, diagram } from "@millrace/sdk"
import type { Command } from "commander"
import { example } from "../example.ts"
import { loadService } from "../load-service.ts"
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
      const { plan } = compile(await loadService(file))
      terminal.out(json ? `${JSON.stringify(plan)}\n` : diagram(plan))
    })
}

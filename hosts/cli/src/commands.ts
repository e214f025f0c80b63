/** Every command by name; its module is loaded only when it is called. */
import type { Command } from "commander"
import type { Terminal } from "./terminal.ts"

/** A command's module: adds its arguments, options, example and action. */
interface CommandModule {
  readonly define: (command: Command, terminal: Terminal) => void
}

interface CommandEntry {
  readonly summary: string
  readonly load: () => Promise<CommandModule>
}

export const commands: Readonly<Record<string, CommandEntry>> = {
  start: { summary: "start a node with services", load: () => import("./commands/start.ts") },
  dev: {
    summary: "start a node and reload a service whenever its files change",
    load: () => import("./commands/dev.ts"),
  },
  produce: { summary: "send records from a file or stdin to a stream", load: () => import("./commands/produce.ts") },
  tail: { summary: "show the records of a stream", load: () => import("./commands/tail.ts") },
  replay: {
    summary: "send dead letters, or a stream's records, once more",
    load: () => import("./commands/replay.ts"),
  },
  task: { summary: "call tasks; show, find, cancel and retry their runs", load: () => import("./commands/task.ts") },
  fn: { summary: "show functions, and call one", load: () => import("./commands/fn.ts") },
  table: { summary: "show tables, their rows, or one row", load: () => import("./commands/table.ts") },
  plan: { summary: "draw what a service does as a diagram", load: () => import("./commands/plan.ts") },
  doctor: { summary: "check this machine, a data directory and a node", load: () => import("./commands/doctor.ts") },
}

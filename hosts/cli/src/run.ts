/**
 * From words to a command: parses them, loads the one command that they name, and turns what it throws into one
 * sentence on stderr and an exit code: 0 done, 1 failed, 2 used wrongly, 130 stopped while it waited.
 */
import { errorData, errorTable, isMillraceError, MillraceError } from "@millrace/model"
import { Command, CommanderError } from "commander"
import { commands } from "./commands.ts"
import type { Terminal } from "./terminal.ts"
import { version } from "./version.ts"

export async function run(words: readonly string[], terminal: Terminal): Promise<void> {
  const json = words.includes("--json")
  try {
    const program = await programFor(words, terminal)
    await program.parseAsync(words, { from: "user" })
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return
    if (terminal.stopped.aborted && isAbort(thrown)) {
      terminal.exitCode = interruptedCode
      return
    }
    const error = thrown instanceof CommanderError ? wrongUse(thrown, words) : thrown
    terminal.exitCode = isMillraceError(error) && error.code === "MR1601" ? 2 : 1
    terminal.err(json ? `${JSON.stringify({ error: problem(error) })}\n` : `millrace: ${sentence(error)}\n`)
  }
}

/** What shells expect of a program that Ctrl-C has ended: 128 and the number of SIGINT. */
const interruptedCode = 130

/** Whether a command ended because it was told to stop: its user knows that. */
function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown.name === "AbortError" || isAbort(thrown.cause))
}

async function programFor(words: readonly string[], terminal: Terminal): Promise<Command> {
  const program = new Command("millrace")
    .description("Real-time streams and background tasks in TypeScript.")
    .version(version)
    .helpCommand("help [COMMAND]", "explain a command")
    .addHelpText(
      "after",
      "\nExample:\n  $ millrace start service.ts\n\nEach command explains itself: millrace produce --help",
    )
  settle(program, terminal)
  const named = words.find((word) => !word.startsWith("-") && word !== "help")
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = program.command(name).description(summary)
    settle(command, terminal)
    if (name === named) (await load()).define(command, terminal)
  }
  return program
}

/** Errors are thrown, never printed by the parser, and the process is ended by nobody but main. */
function settle(command: Command, terminal: Terminal): void {
  command.exitOverride().configureOutput({ writeOut: terminal.out, writeErr: terminal.err, outputError: () => {} })
}

function wrongUse(error: CommanderError, words: readonly string[]): MillraceError {
  // Commander has printed the help that was not asked for by name.
  if (error.code === "commander.help") return new MillraceError("MR1601", "name a command; they are listed above.")
  const named = words.find((word) => Object.hasOwn(commands, word))
  const said = error.message.replace(/^error: /, "").replaceAll("\n", " ")
  const mend = `See millrace ${named === undefined ? "" : `${named} `}--help.`
  return new MillraceError("MR1601", `${said}${/[.?!)]$/.test(said) ? "" : "."} ${mend}`)
}

function problem(error: unknown): Readonly<Record<string, unknown>> {
  const { code, message, details } = errorData(error)
  return { code, title: errorTable[code].title, detail: message, ...details }
}

function sentence(error: unknown): string {
  const { code, message } = errorData(error)
  return `${message} [${code}]`
}

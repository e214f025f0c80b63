#!/usr/bin/env node
// `millrace`: what is imported here decides how fast every command starts, so a command's own code comes with it.
import { processTerminal } from "./process-terminal.ts"
import { run } from "./run.ts"

const terminal = processTerminal()
await run(process.argv.slice(2), terminal)
process.exitCode = terminal.exitCode

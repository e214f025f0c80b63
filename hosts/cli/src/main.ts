#!/usr/bin/env node
// `millrace`: what is imported here decides how fast every command starts, so a command's own code comes with it.
import { enableCompileCache } from "node:module"
import { beginAnew } from "./heap-words.ts"

beginAnew(process)
// From here on; what was compiled once is read from Node's own cache in the directory for temporary files.
enableCompileCache()
const { processTerminal } = await import("./process-terminal.ts")
const terminal = processTerminal()
const { run } = await import("./run.ts")
await run(process.argv.slice(2), terminal)
process.exitCode = terminal.exitCode

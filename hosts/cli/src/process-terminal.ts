/** The {@link Terminal} of this process. */
import { once } from "node:events"
import type { Terminal } from "./terminal.ts"

/** Signals stop the command once, in good order; a second one ends the process at once. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process
  const stop = new AbortController()
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(signal === "SIGINT" ? 130 : 143)
      stop.abort()
    })
  }
  // `millrace tail | head`: whoever read has enough.
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error
    stop.abort()
  })
  return {
    stdin,
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    async drained() {
      if (stdout.writableNeedDrain && !stop.signal.aborted)
        await once(stdout, "drain", { signal: stop.signal }).catch(() => {})
    },
    interactive: stderr.isTTY === true && process.env["TERM"] !== "dumb",
    columns: stderr.columns ?? 80,
    env: process.env,
    now: Date.now,
    stopped: stop.signal,
    onHangup: (act) => void process.on("SIGHUP", act),
    exitCode: 0,
  }
}

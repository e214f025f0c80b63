/** Functions: what an invocation costs beyond its handler, how long an instance takes to come, and what idle ones weigh. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import type { Bench, Figure } from "../figures.ts"
import { newDirectory, pause, removeDirectory, startProcess } from "../node-process.ts"

const own = import.meta.dirname
const parts = ["warm", "cold", "idle"] as const

export const functions: Bench = {
  name: "functions",
  about: "invoking a Lambda handler that does nothing: warm, cold; and 1,000 deployed functions that nobody calls",
  async run(say, only) {
    const figures: Figure[] = []
    for (const part of parts) {
      if (only.length > 0 && !only.includes(part)) continue
      if (part === "idle") figures.push(...(await idle(say)))
      else figures.push(...(await measured(part, say)))
    }
    return figures
  },
}

/** In a process of its own, which runs the built packages, as users do: `--conditions` is this one's. */
async function measured(part: "warm" | "cold", say: (line: string) => void): Promise<Figure[]> {
  const child = fork(join(own, "measure.ts"), [part], { execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] })
  const figures: Figure[] = []
  child.on("message", (told: string | Figure) => {
    if (typeof told === "string") say(told)
    else figures.push(told)
  })
  const [code] = (await once(child, "exit")) as [number | null]
  if (code !== 0) throw new Error(`the measurement of ${part} invocations ended with ${code}`)
  return figures
}

async function idle(say: (line: string) => void): Promise<Figure[]> {
  const empty = await restingBytes([])
  const thousand = await restingBytes([join(own, "thousand.ts")])
  say(`empty ${(empty / 1e6).toFixed(0)} MB, with 1,000 functions ${(thousand / 1e6).toFixed(0)} MB`)
  return [{ name: "1,000 deployed idle functions, RSS beyond an empty node", value: Math.round((thousand - empty) / 1e6), unit: "MB", aim: 100, better: "lower" }]
}

async function restingBytes(files: readonly string[]): Promise<number> {
  const dir = newDirectory()
  const node = await startProcess(files, dir)
  await pause(5_000)
  const bytes = node.rssBytes()
  await node.kill("SIGTERM")
  removeDirectory(dir)
  return bytes
}

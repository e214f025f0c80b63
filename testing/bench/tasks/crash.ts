/**
 * W12: the process that enqueues and runs, and the servers that it rests on, are killed together every five seconds and started again on
 * the same data. The child notes each run that was acknowledged and each that was begun, in files that outlive it.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, existsSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { median } from "../src/figures.ts"
import { newDirectory, removeDirectory } from "../src/node-process.ts"
import type { Mode } from "./queue.ts"
import type { Measured } from "./workloads.ts"

const perSecond = 1_000
const killEveryMs = 5_000
/** How long runs may take to be called again after the last kill. */
const patienceMs = 60_000

export async function crash(system: string, mode: Mode, scale: number): Promise<readonly Measured[]> {
  const dir = newDirectory()
  // A server that refuses to be root has to come through it.
  chmodSync(dir, 0o755)
  const [acked, begun] = [join(dir, "acked"), join(dir, "begun")]
  const kills = Math.max(2, Math.round(12 * scale))
  const recoveriesMs: number[] = []
  const start = (first: number, pace: number) => {
    const words = ["--conditions=@millrace/source", resolve(import.meta.dirname, "crash-child.ts"), system, mode, join(dir, "data"), acked, String(first), String(pace)]
    // A group of its own, so that its servers die with it.
    return spawn(process.execPath, words, { stdio: "ignore", detached: true, env: { ...process.env, TASKS_RECORD: begun } })
  }
  const end = async (child: ReturnType<typeof start>): Promise<void> => {
    const ended = once(child, "exit")
    if (child.exitCode !== null) throw new Error(`the process that enqueues has ended with ${child.exitCode}`)
    process.kill(-(child.pid as number), "SIGKILL")
    await ended
  }
  try {
    for (let round = 0; round < kills; round++) {
      const before = linesOf(begun).length
      const from = performance.now()
      const child = start(round * 1_000_000, perSecond)
      while (linesOf(begun).length === before && child.exitCode === null && performance.now() - from < patienceMs) await sleep(20)
      if (round > 0) recoveriesMs.push(performance.now() - from)
      await sleep(killEveryMs)
      await end(child)
    }
    const child = start(kills * 1_000_000, 0)
    const until = performance.now() + patienceMs
    let missing = Number.POSITIVE_INFINITY
    while (missing > 0 && performance.now() < until) {
      await sleep(500)
      const seen = new Set(linesOf(begun))
      missing = linesOf(acked).filter((seq) => !seen.has(seq)).length
    }
    await end(child)
    const all = linesOf(begun)
    return [
      { name: `acknowledged in ${kills} rounds`, value: linesOf(acked).length, unit: "runs", better: "higher" },
      { name: `lost, or not begun ${patienceMs / 1_000} s after the last kill`, value: missing, unit: "runs", better: "lower" },
      { name: "begun more than once", value: all.length - new Set(all).size, unit: "runs", better: "lower" },
      { name: "from the start after a kill to the first run, median", value: recoveriesMs.length === 0 ? 0 : median(recoveriesMs), unit: "ms", better: "lower" },
    ]
  } finally {
    removeDirectory(dir)
  }
}

/** Whole lines of a file. */
function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : []
}

/** The work of the tasks of the workloads: the same functions for every system. None of them does anything that takes time. */
import { appendFileSync } from "node:fs"

/** Concurrency of each task. `kept` is one whose runs are kept once they have ended, where a system does not keep all. */
export const concurrencies = { drain1: 1, drain24: 24, drain100: 100, kept: 100, probe: 100, late: 100, keyed: 100, flaky: 100, recorded: 100 } as const

export type TaskName = keyof typeof concurrencies

export const taskNames = Object.keys(concurrencies) as readonly TaskName[]

/** What `flaky` has: three attempts in ten fail, none of them as often as this. */
export const flakyRetry = { attempts: 12, firstMs: 1_000, factor: 2, mostMs: 60_000 } as const

export interface Input {
  readonly pad: string
  /** Of `probe` and `late`: when it was due to start, on the clock of the machine, in ms. */
  readonly sent?: number
  readonly key?: string
  /** Of `flaky` and `recorded`. */
  readonly seq?: number
}

const ok = { ok: true } as const
const active = new Set<string>()

/** @param attempt - from 1 */
export function work(task: TaskName, { sent = 0, key = "", seq = 0 }: Input, attempt: number): object | Promise<object> {
  switch (task) {
    case "probe":
    case "late":
      return { waited: performance.timeOrigin + performance.now() - sent }
    case "keyed":
      return alone(key)
    case "flaky":
      if ((seq * 7 + attempt * 3) % 10 < 3 && attempt < flakyRetry.attempts) throw new Error("three attempts in ten fail")
      return ok
    case "recorded":
      appendFileSync(process.env["TASKS_RECORD"] ?? "", `${seq}\n`)
      return ok
    case "drain1":
    case "drain24":
    case "drain100":
    case "kept":
      return ok
  }
}

/** Runs of one key are never called together: whoever meets another has failed. */
async function alone(key: string): Promise<object> {
  if (active.has(key)) throw new Error(`two runs of ${key} at once`)
  active.add(key)
  await new Promise((resolve) => setImmediate(resolve))
  active.delete(key)
  return ok
}

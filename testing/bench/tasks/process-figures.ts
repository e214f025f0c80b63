/** What a process and those that it has started use, as the kernel counts it. */
import { readFileSync, readdirSync } from "node:fs"
import type { Used } from "./queue.ts"

export interface ProcessFigures {
  readonly cpuSeconds: number
  /** How often each thread went to sleep of its own accord. */
  readonly sleeps: ReadonlyMap<string, number>
  readonly writtenBytes: number
  /** Shared pages count in parts. */
  readonly memoryBytes: number
}

export function figuresOf(pid: number): ProcessFigures {
  const sleeps = new Map<string, number>()
  const sum = { sleeps, cpuSeconds: 0, writtenBytes: 0, memoryBytes: 0 }
  for (const each of withDescendants(pid)) {
    try {
      sum.cpuSeconds += cpuSecondsOf(each)
      for (const thread of readdirSync(`/proc/${each}/task`)) {
        sleeps.set(thread, field(`/proc/${each}/task/${thread}/status`, "voluntary_ctxt_switches"))
      }
      sum.writtenBytes += field(`/proc/${each}/io`, "write_bytes")
      sum.memoryBytes += field(`/proc/${each}/smaps_rollup`, "Pss") * 1_024
    } catch {
      // It has ended since.
    }
  }
  return sum
}

/** Of one process, as long as it is there. */
export function usedBy(pid: number): Used {
  const bytes = (name: string): number => field(`/proc/${pid}/status`, name) * 1_024
  return { rssBytes: bytes("VmRSS"), anonBytes: bytes("RssAnon"), peakBytes: bytes("VmHWM"), cpuSeconds: cpuSecondsOf(pid) }
}

function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function withDescendants(pid: number): number[] {
  const children = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
  return [pid, ...children.flatMap((name) => withDescendants(Number(name)))]
}

function parentOf(pid: string): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[1])
  } catch {
    return undefined
  }
}

function field(path: string, name: string): number {
  const line = readFileSync(path, "utf8").split("\n").find((each) => each.startsWith(`${name}:`))
  return Number(line?.replace(/\D/g, "") ?? 0)
}

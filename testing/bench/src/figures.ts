/** What a benchmark says: figures beside what was aimed at, and the machine they were measured on. */
import { availableParallelism, cpus, totalmem } from "node:os"

export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  /** What the project aims at; undefined: measured for its own sake. */
  readonly aim?: number
  readonly better: "higher" | "lower"
  /** Whether an independent computation agrees with the result. */
  readonly oracle?: "agrees" | "differs"
}

export interface Bench {
  readonly name: string
  /** One sentence: what is measured. */
  readonly about: string
  /** @param only - which of its parts to run; none: all */
  run(say: (line: string) => void, only: readonly string[]): Promise<readonly Figure[]>
}

export interface Report {
  readonly bench: string
  readonly machine: {
    readonly cpu: string
    readonly cores: number
    readonly memory: string
    readonly node: string
    readonly date: string
  }
  readonly figures: readonly Figure[]
}

export function reportOf(bench: string, figures: readonly Figure[], date: Date): Report {
  const machine = {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memory: `${Math.round(totalmem() / 1024 ** 3)} GiB`,
    node: process.version,
    date: date.toISOString().slice(0, 10),
  }
  return { bench, machine, figures }
}

/** The value below which the share `p` (0 to 1) of the values lies. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/**
 * Workloads W1 to W6 and W8 to W14 for Millrace and its rivals, in three durability modes, by one script on one machine: each system in
 * turn in the process of the load generator, on a new directory. The handler does nothing; payloads are of 100 bytes where nothing else
 * is said; each run is counted. `TASKS_SCALE=0.1` for a short run, `TASKS_RUNS=5` for the median of five.
 */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { type Bench, type Figure, median } from "../src/figures.ts"
import { newDirectory, removeDirectory } from "../src/node-process.ts"
import { crash } from "./crash.ts"
import { figuresOf } from "./process-figures.ts"
import type { Mode, Queue, System } from "./queue.ts"
import { systems } from "./systems.ts"
import { type Measured, type WorkloadName, warmUp, workloads } from "./workloads.ts"

const scale = Number(process.env["TASKS_SCALE"] ?? 1)
const runs = Number(process.env["TASKS_RUNS"] ?? 1)
const modes = ["M", "B", "D"] as const
const all: readonly WorkloadName[] = ["W1", "W2", "W3", "W4", "W5", "W6", "W8", "W9", "W10", "W11", "W12", "W13", "W14"]
const many = (count: number): number => Math.max(Math.min(count, 100), Math.round(count * scale))

export const tasksBench: Bench = {
  name: "tasks",
  about: "background tasks beside BullMQ, graphile-worker and pg-boss; parts: names of systems, modes M B D, workloads W1 to W14",
  async run(say, only) {
    const known = [...systems.map(({ name }) => name), ...modes, ...all]
    const strange = only.filter((part) => !known.includes(part))
    if (strange.length > 0) throw new Error(`There is no part ${strange.join(", ")}; there are ${known.join(", ")}.`)
    const chosen = <Name extends string>(names: readonly Name[]): readonly Name[] => {
      const some = names.filter((name) => only.includes(name))
      return some.length === 0 ? names : some
    }
    const figures: Figure[] = []
    for (const name of chosen(systems.map((system) => system.name))) {
      const system = systems.find((each) => each.name === name) as System
      for (const mode of chosen(modes)) {
        say(`${name} ${mode}: ${system.modes[mode]}`)
        try {
          for (const figure of await measure(system, mode, chosen(all), say)) figures.push(figure)
        } catch (error) {
          say(`${name} ${mode} cannot be measured here: ${(error as Error).message}`)
        }
      }
    }
    return figures
  },
}

async function measure(system: System, mode: Mode, names: readonly WorkloadName[], say: (line: string) => void): Promise<Figure[]> {
  const figures: Figure[] = []
  const who = `${system.name} ${mode}`
  const note = (workload: string, { name, value, unit, better }: Measured): void => {
    const rounded = value < 100 ? Math.round(value * 1_000) / 1_000 : Math.round(value)
    figures.push({ name: `${who} ${workload} ${name}`, value: rounded, unit, better })
    say(`${who} ${workload} ${name}: ${rounded.toLocaleString("en")} ${unit}`)
  }
  const dir = newDirectory()
  let queue: Queue | undefined
  try {
    for (const workload of names) {
      const lacking = system.lacks[workload]
      if (lacking !== undefined) {
        say(`${who} ${workload}: none, as ${lacking}`)
        continue
      }
      try {
        if (workload === "W12") {
          await queue?.close()
          queue = undefined
          for (const measured of await crash(system.name, mode, scale)) note(workload, measured)
          continue
        }
        const apart = workload === "W13" ? system.openApart : undefined
        if (apart !== undefined) {
          await queue?.close()
          mkdirSync(join(dir, "apart"))
          queue = await apart(mode, join(dir, "apart"))
          await warmUp(queue, many(2_000))
        }
        if (queue === undefined) {
          queue = await system.open(mode, dir)
          await warmUp(queue, many(2_000))
        }
        const before = figuresOf(process.pid)
        for (const measured of await repeated(async () => workloads[workload]({ queue: queue as Queue, mode, many }), workload)) note(workload, measured)
        const { cpuSeconds, memoryBytes } = figuresOf(process.pid)
        note(workload, { name: "CPU of all processes", value: cpuSeconds - before.cpuSeconds, unit: "s", better: "lower" })
        note(workload, { name: "memory of all processes", value: memoryBytes / 1024 ** 2, unit: "MB", better: "lower" })
        if (apart !== undefined) {
          await queue.close()
          queue = undefined
        }
      } catch (error) {
        if (queue === undefined && workload !== "W12") throw error
        say(`${who} ${workload} has failed: ${(error as Error).message}`)
      }
    }
    return figures
  } finally {
    await queue?.close()
    removeDirectory(dir)
  }
}

/** The median of several runs, beside the range; what leaves much behind runs once. */
async function repeated(run: () => Promise<readonly Measured[]>, workload: WorkloadName): Promise<readonly Measured[]> {
  const found: (readonly Measured[])[] = []
  for (let i = 0; i < (workload === "W13" ? 1 : runs); i++) found.push(await run())
  return (found[0] ?? []).map(({ name, unit, better }, i) => {
    const values = found.map((each) => each[i]?.value ?? Number.NaN)
    if (values.length === 1) return { name, value: values[0] as number, unit, better }
    const range = `${Math.min(...values).toPrecision(3)} to ${Math.max(...values).toPrecision(3)}`
    return { name: `${name} (${values.length} runs, ${range})`, value: median(values), unit, better }
  })
}

/**
 * Workloads W1 to W6 for Millrace and its rivals, in the durability modes that each has, by one script on one machine, each system in turn
 * in the process of the load generator. The handler does nothing; payloads are of 100 bytes; each run is counted.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { type Bench, type Figure, median, percentile } from "../src/figures.ts"
import { bullmq } from "./bullmq.ts"
import { millrace } from "./millrace.ts"
import type { Mode, Queue, System } from "./queue.ts"

const systems: readonly System[] = [millrace, bullmq]
/** `TASKS_SCALE=0.1` for a short run. */
const scale = Number(process.env["TASKS_SCALE"] ?? 1)
const input = { pad: "x".repeat(88) }

export const tasksBench: Bench = {
  name: "tasks",
  about: "background tasks: enqueue, drain, start latency and request to result, beside BullMQ; parts: names of systems, modes M B D",
  async run(say, only) {
    const figures: Figure[] = []
    for (const { name, modes, open } of systems) {
      if (!wanted(only, systems.map((each) => each.name), name)) continue
      for (const mode of ["M", "B", "D"] as const) {
        if (!wanted(only, ["M", "B", "D"], mode) || modes[mode] === undefined) continue
        say(`${name} ${mode}: ${modes[mode]}`)
        let queue: Queue
        try {
          queue = await open(mode)
        } catch (error) {
          say(`${name} ${mode} cannot be measured here: ${(error as Error).message}`)
          continue
        }
        try {
          figures.push(...(await workloads(queue, `${name} ${mode}`, mode, say)))
        } finally {
          await queue.close()
        }
      }
    }
    return figures
  },
}

function wanted(only: readonly string[], all: readonly string[], name: string): boolean {
  const chosen = only.filter((each) => all.includes(each))
  return chosen.length === 0 || chosen.includes(name)
}

async function workloads(queue: Queue, who: string, mode: Mode, say: (line: string) => void): Promise<Figure[]> {
  const figures: Figure[] = []
  const note = (name: string, value: number, unit: string, better: Figure["better"]): void => {
    const rounded = value < 100 ? Math.round(value * 1000) / 1000 : Math.round(value)
    figures.push({ name: `${who} ${name}`, value: rounded, unit, better })
    say(`${who} ${name}: ${rounded.toLocaleString("en")} ${unit}`)
  }
  const many = (count: number): number => Math.max(100, Math.round(count * scale))
  // Warm-up, thrown away.
  await queue.enqueueAll("drain100", list(many(2_000)))
  await reaches(queue, "drain100", many(2_000))
  const cpu = process.cpuUsage()

  await queue.pause("drain24")
  const one = many(mode === "D" ? 2_000 : 10_000)
  note("W1 enqueue, one at a time", rate(one, await timed(async () => times(one, 1, () => queue.enqueue("drain24", input)))), "runs/s", "higher")
  const flight = many(50_000)
  note("W2 enqueue, 64 in flight", rate(flight, await timed(async () => times(flight, 64, () => queue.enqueue("drain24", input)))), "runs/s", "higher")
  await queue.resume("drain24")
  await reaches(queue, "drain24", one + flight)

  for (const size of [50, 1_000]) {
    await queue.pause("drain100")
    const before = await queue.succeeded("drain100")
    const count = many(100_000)
    const batch = list(size)
    const ms = await timed(async () => times(Math.ceil(count / size), 4, () => queue.enqueueAll("drain100", batch)))
    note(`W3 enqueue, bulk of ${size}`, rate(Math.ceil(count / size) * size, ms), "runs/s", "higher")
    await queue.resume("drain100")
    await reaches(queue, "drain100", before + Math.ceil(count / size) * size)
  }

  for (const [task, concurrency, count] of [
    ["drain1", 1, many(10_000)],
    ["drain24", 24, many(100_000)],
    ["drain100", 100, many(100_000)],
  ] as const) {
    await queue.pause(task)
    const before = await queue.succeeded(task)
    for (let sent = 0; sent < count; sent += 1_000) await queue.enqueueAll(task, list(Math.min(1_000, count - sent)))
    const ms = await timed(async () => {
      await queue.resume(task)
      await reaches(queue, task, before + count)
    })
    note(`W4 drain at concurrency ${concurrency}`, rate(count, ms), "runs/s", "higher")
  }

  for (const perSecond of [100, 1_000]) {
    const before = (await queue.waits()).length
    const count = many(perSecond * 5)
    await openLoop(perSecond, count, (sent) => queue.enqueue("probe", { sent, pad: "x".repeat(60) }))
    await reaches(queue, "probe", before + count)
    const waits = (await queue.waits()).slice(before)
    for (const p of [0.5, 0.99]) note(`W5 start latency at ${perSecond}/s, p${p * 100}`, percentile(waits, p), "ms", "lower")
  }

  const calls = many(2_000)
  const alone: number[] = []
  await times(calls, 1, async () => void alone.push(await timed(async () => queue.call("drain100", input))))
  note("W6 request to result in process, 1 caller, p50", median(alone), "ms", "lower")
  note("W6 request to result in process, 1 caller, p99", percentile(alone, 0.99), "ms", "lower")
  const together = await timed(async () => times(calls * 5, 64, () => queue.call("drain100", input)))
  note("W6 request to result in process, 64 callers", rate(calls * 5, together), "runs/s", "higher")

  const { user, system } = process.cpuUsage(cpu)
  note("CPU of this process over all", (user + system) / 1e6, "s", "lower")
  note("RSS of this process at the end", process.memoryUsage().rss / 1024 ** 2, "MB", "lower")
  return figures
}

function list(count: number): object[] {
  return Array.from({ length: count }, () => input)
}

function rate(count: number, ms: number): number {
  return (count / ms) * 1_000
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await act()
  return performance.now() - from
}

async function times(count: number, lanes: number, act: () => Promise<unknown>): Promise<void> {
  let left = count
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (left-- > 0) await act()
    }),
  )
}

/** Waits until so many runs have succeeded, no more. */
async function reaches(queue: Queue, task: string, count: number): Promise<void> {
  for (let found = await queue.succeeded(task); found < count; found = await queue.succeeded(task)) await sleep(5)
  const found = await queue.succeeded(task)
  if (found !== count) throw new Error(`${task}: ${found} runs have succeeded of ${count}`)
}

/** Sends at a steady pace, whatever becomes of it; `sent` is when it was due, on the clock of the machine. */
async function openLoop(perSecond: number, count: number, send: (sent: number) => Promise<unknown>): Promise<void> {
  const from = performance.now()
  const under: Promise<unknown>[] = []
  for (let i = 0; i < count; ) {
    const due = from + (i * 1_000) / perSecond
    if (performance.now() < due) await new Promise((resolve) => setImmediate(resolve))
    else {
      under.push(send(performance.timeOrigin + due))
      i++
    }
  }
  await Promise.all(under)
}

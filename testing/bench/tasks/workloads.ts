/** Workloads W1 to W14, each a function that runs once and says what it measured. */
import { setTimeout as sleep } from "node:timers/promises"
import { median, percentile } from "../src/figures.ts"
import { figuresOf } from "./process-figures.ts"
import type { Mode, Queue } from "./queue.ts"
import { type Input, type TaskName, concurrencies } from "./work.ts"

export interface Measured {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly better: "higher" | "lower"
}

interface Setting {
  readonly queue: Queue
  readonly mode: Mode
  /** A count of the workload at this run's scale. */
  many(count: number): number
}

/** What is to be done by whom has a name, also where it is not known here: W12 is in crash.ts. */
export type WorkloadName = "W1" | "W2" | "W3" | "W4" | "W5" | "W6" | "W8" | "W9" | "W10" | "W11" | "W12" | "W13" | "W14"

type Workload = (setting: Setting) => Promise<readonly Measured[]>

const small: Input = { pad: "x".repeat(88) }
const large: Input = { pad: "x".repeat(10_000) }

export const workloads: Readonly<Record<Exclude<WorkloadName, "W12">, Workload>> = {
  W1: async ({ queue, mode, many }) => {
    const count = many(mode === "D" ? 2_000 : 10_000)
    return paused(queue, "drain24", count, async () => {
      const ms = await timed(() => times(count, 1, () => queue.enqueue("drain24", small)))
      return [rate("enqueue, one at a time", count, ms)]
    })
  },

  W2: async ({ queue, many }) => {
    const count = many(100_000)
    return paused(queue, "drain24", count, async () => {
      const ms = await timed(() => times(count, 64, () => queue.enqueue("drain24", small)))
      return [rate("enqueue, 64 in flight", count, ms)]
    })
  },

  W3: async ({ queue, many }) => {
    const figures: Measured[] = []
    for (const [size, input, said, all] of [[50, small, "", 100_000], [1_000, small, "", 100_000], [50, large, " of 10 KB", 10_000]] as const) {
      const bulks = Math.ceil(many(all) / size)
      const batch = Array.from({ length: size }, () => input)
      const enqueue = async (): Promise<Measured[]> => {
        const ms = await timed(() => times(bulks, 4, () => queue.enqueueAll("drain100", batch)))
        return [rate(`enqueue, bulk of ${size}${said}`, bulks * size, ms)]
      }
      figures.push(...(await paused(queue, "drain100", bulks * size, enqueue)))
    }
    return figures
  },

  W4: async ({ queue, many }) => {
    const figures: Measured[] = []
    for (const [task, count] of [["drain1", many(20_000)], ["drain24", many(200_000)], ["drain100", many(200_000)]] as const) {
      figures.push(rate(`drain at concurrency ${concurrencies[task]}`, count, await drain(queue, task, listOf(count, () => small))))
    }
    const count = many(20_000)
    figures.push(rate("drain at concurrency 100, 10 KB", count, await drain(queue, "drain100", listOf(count, () => large))))
    return figures
  },

  W5: async (setting) => {
    const figures: Measured[] = []
    for (const perSecond of [100, 1_000, 5_000]) figures.push(...(await startLatency(setting, perSecond)))
    return figures
  },

  W6: async ({ queue, many }) => {
    const figures: Measured[] = []
    for (const [said, call] of [["in process", queue.call], ["over HTTP", queue.callOverHttp]] as const) {
      if (call === undefined) continue
      const alone: number[] = []
      const one = async (): Promise<void> => void alone.push(await timed(() => call("drain100", small)))
      await times(many(2_000), 1, one)
      figures.push(...latencies(`request to result ${said}, 1 caller,`, alone.splice(0), [0.5, 0.99]))
      const count = many(10_000)
      const together = await timed(() => times(count, 64, one))
      figures.push(rate(`request to result ${said}, 64 callers`, count, together))
      alone.length = 0
      await openLoop(500, many(2_500), one)
      figures.push(...latencies(`request to result ${said}, 500/s,`, alone, [0.5, 0.99]))
    }
    return figures
  },

  W8: async ({ queue, many }) => {
    const count = many(20_000)
    const inputs = listOf(count, (seq) => ({ ...small, key: `key ${zipf(seq)}` }))
    return [rate("drain of 10 k keys by Zipf, one at a time per key", count, await drain(queue, "keyed", inputs))]
  },

  W9: async ({ queue, many }) => {
    const count = many(100_000)
    const before = (await queue.waits("late")).length
    const succeeded = await queue.succeeded("late")
    const at = Date.now() + 2_000 + count / 4
    await load(queue, "late", listOf(count, () => ({ ...small, sent: at })), at)
    await reaches(queue, "late", succeeded + count)
    return latencies("lateness of runs due in one moment,", (await queue.waits("late")).slice(before), [0, 0.5, 0.99, 1])
  },

  W10: async ({ queue, many }) => {
    const count = many(20_000)
    const ms = await drain(queue, "flaky", listOf(count, (seq) => ({ ...small, seq })))
    return [{ name: "three attempts in ten fail: until all have succeeded", value: ms / 1_000, unit: "s", better: "lower" }]
  },

  W11: async ({ queue: { feed }, many }) => {
    if (feed === undefined) return []
    const count = many(200_000)
    const all = feed.outputs(count)
    const ms = await timed(async () => {
      const size = Math.min(1_000, count)
      for (let from = 0; from < count; from += size) await feed.send(from, Math.min(count, from + size))
      await all
    })
    const { seqs } = await all
    const wrong = count - new Set(seqs).size + (seqs.length - new Set(seqs).size)
    const slow = many(2_500)
    const read = feed.outputs(slow)
    let next = count
    await openLoop(500, slow, async () => feed.send(next, ++next))
    return [
      rate("records to outputs, all at once", count, ms),
      { name: "records without exactly one output", value: wrong, unit: "records", better: "lower" },
      ...latencies("record to output at 500/s,", (await read).waits, [0.5, 0.99]),
    ]
  },

  W13: async (setting) => {
    const { queue, many } = setting
    const count = many(1_000_000)
    const before = await drainAndStart(setting)
    await queue.pause("drain1")
    await load(queue, "drain1", listOf(count, () => small))
    const ended = await queue.succeeded("kept")
    await load(queue, "kept", listOf(count, () => small))
    await reaches(queue, "kept", ended + count)
    await sleep(restMs)
    const said = `${count.toLocaleString("en")} waiting and as many ended`
    const used = queue.used?.()
    const atRest: Measured[] =
      used === undefined
        ? [megabytes(`memory of all processes with ${said}`, figuresOf(process.pid).memoryBytes)]
        : [megabytes(`RSS of the node with ${said}, at rest`, used.rssBytes), megabytes("of that, no pages of files", used.anonBytes)]
    const after = await drainAndStart(setting)
    const peak = queue.used?.().peakBytes
    return [
      ...atRest,
      ...(peak === undefined ? [] : [megabytes("RSS of the node, the most ever", peak)]),
      ...before.map((figure) => ({ ...figure, name: `before: ${figure.name}` })),
      ...after.map((figure) => ({ ...figure, name: `then: ${figure.name}` })),
      ...after.map(({ name, value, better }, i) => ({ name: `then, of what it was before: ${name}`, value: (value / (before[i]?.value ?? 0)) * 100, unit: "%", better })),
    ]
  },

  W14: async ({ many }) => {
    const seconds = Math.max(5, many(60))
    await sleep(2_000)
    const before = figuresOf(process.pid)
    await sleep(seconds * 1_000)
    const after = figuresOf(process.pid)
    // Threads that are gone by now had nothing to do either.
    const sleeps = [...after.sleeps].map(([thread, count]) => count - (before.sleeps.get(thread) ?? 0))
    const per = (value: number): number => value / seconds
    return [
      { name: "nothing to do: CPU of all processes", value: per(after.cpuSeconds - before.cpuSeconds) * 100, unit: "% of a core", better: "lower" },
      { name: "nothing to do: wake-ups", value: per(sleeps.reduce((sum, count) => sum + count, 0)), unit: "per s", better: "lower" },
      { name: "nothing to do: written", value: per(after.writtenBytes - before.writtenBytes), unit: "bytes per s", better: "lower" },
    ]
  },
}

/** Runs some of each kind, so that what is measured is warm. */
export async function warmUp(queue: Queue, count: number): Promise<void> {
  await drain(queue, "drain100", listOf(count, () => small))
}

async function startLatency({ queue, many }: Setting, perSecond: number): Promise<Measured[]> {
  const before = (await queue.waits("probe")).length
  const succeeded = await queue.succeeded("probe")
  const count = many(perSecond * 5)
  await openLoop(perSecond, count, (sent) => queue.enqueue("probe", { pad: "x".repeat(60), sent }))
  await reaches(queue, "probe", succeeded + count)
  return latencies(`start latency at ${perSecond}/s,`, (await queue.waits("probe")).slice(before), [0.5, 0.99, 0.999, 1])
}

/** W4 and W5 in brief, the medians of three each. */
async function drainAndStart(setting: Setting): Promise<readonly Measured[]> {
  const { queue, many } = setting
  const drained = many(50_000)
  const cpu = (): number => queue.used?.().cpuSeconds ?? 0
  const found = { perSecond: [] as number[], drainCpu: [] as number[], p50: [] as number[] }
  for (let i = 0; i < 3; i++) {
    const before = cpu()
    found.perSecond.push((drained / (await drain(queue, "drain100", listOf(drained, () => small)))) * 1_000)
    found.drainCpu.push(((cpu() - before) / drained) * 1e6)
  }
  for (let i = 0; i < 3; i++) found.p50.push((await startLatency(setting, 1_000))[0]?.value ?? Number.NaN)
  const figures: Measured[] = [
    rate("drain at concurrency 100", median(found.perSecond), 1_000),
    { name: "start latency at 1000/s, p50", value: median(found.p50), unit: "ms", better: "lower" },
  ]
  if (queue.used === undefined) return figures
  return [...figures, { name: "CPU of the node from enqueue to end, a run", value: median(found.drainCpu), unit: "µs", better: "lower" }]
}

function megabytes(name: string, bytes: number): Measured {
  return { name, value: bytes / 1_024 ** 2, unit: "MB", better: "lower" }
}

/** Enqueues while the task is paused; then lets all of it run, which is not measured. */
async function paused<Found>(queue: Queue, task: TaskName, count: number, act: () => Promise<Found>): Promise<Found> {
  const before = await queue.succeeded(task)
  await queue.pause(task)
  const found = await act()
  await queue.resume(task)
  await reaches(queue, task, before + count)
  return found
}

/** How long it takes to run what was enqueued before. */
async function drain(queue: Queue, task: TaskName, inputs: readonly Input[]): Promise<number> {
  const before = await queue.succeeded(task)
  await queue.pause(task)
  await load(queue, task, inputs)
  return timed(async () => {
    await queue.resume(task)
    await reaches(queue, task, before + inputs.length)
  })
}

async function load(queue: Queue, task: TaskName, inputs: readonly Input[], at?: number): Promise<void> {
  let from = 0
  const size = 1_000
  await times(Math.ceil(inputs.length / size), 4, () => queue.enqueueAll(task, inputs.slice(from, (from += size)), at))
}

const stallMsMost = 60_000
/** After which a system has done what it puts off. */
const restMs = 15_000

/** Waits until so many runs have succeeded, no more. */
async function reaches(queue: Queue, task: TaskName, count: number): Promise<void> {
  let found = await queue.succeeded(task)
  for (let last = found, since = performance.now(); found < count; found = await queue.succeeded(task)) {
    if (found > last) [last, since] = [found, performance.now()]
    if (performance.now() - since > stallMsMost) throw new Error(`${task}: of ${count} runs ${found} have succeeded, and for a minute no other has`)
    await sleep(5)
  }
  if (found !== count) throw new Error(`${task}: ${found} runs have succeeded of ${count}`)
}

function listOf(count: number, input: (seq: number) => Input): readonly Input[] {
  return Array.from({ length: count }, (_, seq) => input(seq))
}

/** One of ten thousand keys, by Zipf's law with exponent 1, the same for the same number. */
function zipf(seq: number): number {
  const spread = ((seq * 2_654_435_761) % 2 ** 32) / 2 ** 32
  return Math.floor(10_000 ** spread)
}

function rate(name: string, count: number, ms: number): Measured {
  return { name, value: (count / ms) * 1_000, unit: "runs/s", better: "higher" }
}

function latencies(what: string, values: readonly number[], shares: readonly number[]): Measured[] {
  return shares.map((p) => {
    const said = p === 0 ? "min" : p === 1 ? "max" : `p${p * 100}`
    return { name: `${what} ${said}`, value: p === 0.5 ? median(values) : percentile(values, p), unit: "ms", better: "lower" }
  })
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await act()
  return performance.now() - from
}

async function times(count: number, lanes: number, act: () => Promise<unknown>): Promise<void> {
  let left = count
  const lane = async (): Promise<void> => {
    while (left-- > 0) await act()
  }
  await Promise.all(Array.from({ length: lanes }, lane))
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

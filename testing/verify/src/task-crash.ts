/**
 * Kills the node, again and again, while runs are enqueued over HTTP and by a stream: the producer is this process, which retries with
 * its idempotency keys; the checker reads what there is in the end. Each job must have been one run, which succeeded once.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { KillableNode } from "./killable-node.ts"
import { programs } from "./program.ts"
import { seeded } from "./random.ts"

export interface TaskCrashOptions {
  readonly dir: string
  /** Jobs enqueued over HTTP, and as many again by records. */
  readonly jobs: number
  readonly kills: number
  readonly seed: number
  readonly log: (line: string) => void
}

export interface TaskCrashRun {
  /** Acknowledged jobs without an output, by task. */
  readonly lost: readonly string[]
  /** Jobs with more than one output, by task. */
  readonly twice: readonly string[]
  /** Jobs that are more than one run, or whose run has not succeeded. */
  readonly wrong: readonly string[]
  readonly jobs: number
  /** From start to ready, in ms, one for each start after a kill. */
  readonly recoveriesMs: readonly number[]
}

interface Run {
  readonly id: string
  readonly status: string
  readonly input: { readonly seq: number }
}

const lanes = 16
/** Longest time in which no run's status changes before the rest counts as forgotten, in ms. */
const standstillMsMost = 60_000

export async function taskCrashRun({ dir, jobs, kills, seed, log }: TaskCrashOptions): Promise<TaskCrashRun> {
  const random = seeded(seed)
  const node = new KillableNode(dir, programs.tasksService, random, log)
  const { url } = await node.start()
  const recoveriesMs: number[] = []
  let sent = 0
  let done = false

  /** Sends until it is acknowledged, whatever dies meanwhile. */
  const post = async (address: string, body: string, key: string): Promise<void> => {
    for (;;) {
      try {
        const headers = { "content-type": "application/json", "idempotency-key": key }
        const answer = await fetch(url + address, { method: "POST", body, headers, signal: AbortSignal.timeout(5_000) })
        await answer.arrayBuffer()
        if (answer.status < 300) return
        if (answer.status !== 429 && answer.status < 500) throw new Error(`${address} is answered with ${answer.status}`)
      } catch (error) {
        if (error instanceof Error && error.message.startsWith("/v1")) throw error
      }
      await sleep(20)
    }
  }
  const produce = async (): Promise<void> => {
    for (let seq = sent++; seq < jobs; seq = sent++) {
      const job = JSON.stringify({ seq, key: `key ${seq % 37}` })
      await Promise.all([post("/v1/tasks/called/runs", job, `called ${seq}`), post("/v1/streams/jobs/records", job, `fed ${seq}`)])
    }
  }
  const kill = async (): Promise<void> => {
    for (let left = kills; left > 0; left--) {
      // Spread over the jobs, whatever their pace.
      const from = (jobs * (kills - left)) / kills
      while (sent < from) await sleep(5)
      await node.kill(`${sent} of ${jobs} jobs were sent`, 200)
      if (random() < 0.2 && left > 1) {
        left--
        await node.killInRecovery()
      }
      const began = performance.now()
      await node.start()
      recoveriesMs.push(performance.now() - began)
    }
    done = true
  }

  try {
    await Promise.all([kill(), ...Array.from({ length: lanes }, produce)])
    while (!done) await sleep(20)
    const found = await Promise.all(["called", "fed"].map(async (task) => check(url, task, jobs)))
    return { lost: found.flatMap((each) => each.lost), twice: found.flatMap((each) => each.twice), wrong: found.flatMap((each) => each.wrong), jobs: 2 * jobs, recoveriesMs }
  } finally {
    await node.stop()
  }
}

async function check(url: string, task: string, jobs: number): Promise<Pick<TaskCrashRun, "lost" | "twice" | "wrong">> {
  const get = async <Body>(address: string): Promise<Body> => (await (await fetch(url + address)).json()) as Body
  // All that was acknowledged comes to its end.
  for (let [before, since] = ["", performance.now()]; ; await sleep(50)) {
    const { counts } = await get<{ counts: Record<string, number> }>(`/v1/tasks/${task}`)
    if ((counts["delayed"] ?? 0) + (counts["waiting"] ?? 0) + (counts["running"] ?? 0) === 0 && (counts["succeeded"] ?? 0) >= jobs) break
    // However slow the machine is: as long as something goes on.
    const now = JSON.stringify(counts)
    if (now !== before) [before, since] = [now, performance.now()]
    else if (performance.now() - since > standstillMsMost) throw new Error(`${task} does not come to its end: ${now}`)
  }
  const outputs = new Map<number, number>()
  const { partitions } = await get<{ partitions: number }>(`/v1/streams/${task}.output`)
  for (let partition = 0; partition < partitions; partition++) {
    for (let from = 0, end = 1; from < end; ) {
      const page = await get<{ records: { value: { seq: number } }[]; next: number; end: number }>(
        `/v1/streams/${task}.output/records?partition=${partition}&from=${from}&limit=10000`,
      )
      for (const { value } of page.records) outputs.set(value.seq, (outputs.get(value.seq) ?? 0) + 1)
      from = page.next
      end = page.end
    }
  }
  const runs = new Map<number, string[]>()
  for (let cursor: string | undefined; ; ) {
    const page = await get<{ runs: Run[]; cursor?: string }>(`/v1/runs?task=${task}&limit=1000${cursor === undefined ? "" : `&cursor=${cursor}`}`)
    for (const { input, status } of page.runs) runs.set(input.seq, [...(runs.get(input.seq) ?? []), status])
    ;({ cursor } = page)
    if (cursor === undefined) break
  }
  const all = Array.from({ length: jobs }, (_, seq) => seq)
  const named = (seqs: readonly number[]): string[] => seqs.map((seq) => `${task} ${seq}`)
  return {
    lost: named(all.filter((seq) => !outputs.has(seq))),
    twice: named(all.filter((seq) => (outputs.get(seq) ?? 0) > 1)),
    wrong: named(all.filter((seq) => runs.get(seq)?.join() !== "succeeded")),
  }
}

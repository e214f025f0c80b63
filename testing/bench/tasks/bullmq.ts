/**
 * BullMQ on Redis: Debian's `redis-server` on a free port. Queue and workers are in the process of the load generator, as Millrace is.
 * Of jobs that have completed the newest thousand are kept, which is kinder to it than its default; all of `kept` are.
 */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { setTimeout as sleep } from "node:timers/promises"
import { Queue as BullQueue, QueueEvents, Worker } from "bullmq"
import { freePort } from "../src/node-process.ts"
import type { Mode, Queue, System } from "./queue.ts"
import { concurrencies, flakyRetry, type Input, type TaskName, taskNames, work } from "./work.ts"

const persistence: Readonly<Record<Mode, readonly string[]>> = {
  M: ["--appendonly", "no"],
  B: ["--appendonly", "yes", "--appendfsync", "everysec"],
  D: ["--appendonly", "yes", "--appendfsync", "always"],
}

export const bullmq: System = {
  name: "BullMQ",
  modes: {
    M: "nothing on the disk: a killed Redis loses all",
    B: "AOF synced every second: a power cut loses about one second",
    D: "AOF synced before Redis answers",
  },
  lacks: { W8: "limits by key (groups) are part of BullMQ Pro", W11: "it has no streams" },
  async open(mode: Mode, dir: string): Promise<Queue> {
    try {
      execFileSync("redis-server", ["--version"], { stdio: "ignore" })
    } catch {
      throw new Error("redis-server is not installed: apt-get install redis-server")
    }
    const port = await freePort()
    const words = ["--port", String(port), "--dir", dir, "--bind", "127.0.0.1", "--save", "", ...persistence[mode]]
    const redis = spawn("redis-server", words, { stdio: "ignore" })
    const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null }
    while (!answers(port)) {
      if (redis.exitCode !== null) throw new Error(`redis-server ended with ${redis.exitCode}`)
      await sleep(20)
    }
    const counts = new Map<string, number>()
    const waits = { probe: [] as number[], late: [] as number[] }
    const part = async (name: TaskName) => {
      const { attempts, firstMs } = flakyRetry
      const retry = name === "flaky" ? { attempts, backoff: { type: "exponential", delay: firstMs, jitter: 0.5 } } : {}
      const queue = new BullQueue<Input>(name, { connection, defaultJobOptions: { removeOnComplete: name === "kept" ? false : { count: 1_000 }, ...retry } })
      const events = new QueueEvents(name, { connection })
      const run = async ({ data, attemptsMade }: { readonly data: Input; readonly attemptsMade: number }): Promise<object> => work(name, data, attemptsMade + 1)
      const worker = new Worker<Input, object>(name, run, { connection, concurrency: concurrencies[name] })
      worker.on("completed", ({ returnvalue }) => {
        counts.set(name, (counts.get(name) ?? 0) + 1)
        if (name === "probe" || name === "late") waits[name].push((returnvalue as { readonly waited: number }).waited)
      })
      worker.on("error", () => undefined)
      await Promise.all([queue.waitUntilReady(), events.waitUntilReady(), worker.waitUntilReady()])
      return [name, { queue, events, worker }] as const
    }
    const parts = new Map(await Promise.all(taskNames.map(part)))
    const of = (name: TaskName) => parts.get(name) as NonNullable<ReturnType<typeof parts.get>>
    return {
      async enqueue(task, input) {
        await of(task).queue.add("run", input)
      },
      async enqueueAll(task, inputs, at) {
        const opts = at === undefined ? {} : { delay: Math.max(0, at - Date.now()) }
        await of(task).queue.addBulk(inputs.map((data) => ({ name: "run", data, opts })))
      },
      pause: (task) => of(task).queue.pause(),
      resume: (task) => of(task).queue.resume(),
      succeeded: async (task) => counts.get(task) ?? 0,
      async call(task, input) {
        return (await of(task).queue.add("run", input)).waitUntilFinished(of(task).events)
      },
      waits: async (task) => waits[task],
      async close() {
        for (const { queue, events, worker } of parts.values()) {
          await worker.close(true)
          await events.close()
          await queue.close()
        }
        const gone = once(redis, "exit")
        redis.kill("SIGKILL")
        await gone
      },
    }
  },
}

/** Not while it still reads its file. */
function answers(port: number): boolean {
  try {
    return execFileSync("redis-cli", ["-p", String(port), "ping"], { stdio: ["ignore", "pipe", "ignore"] }).toString().startsWith("PONG")
  } catch {
    return false
  }
}

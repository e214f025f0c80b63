/**
 * BullMQ on Redis: Debian's `redis-server` on a free port with a directory of its own, `bullmq` from npm in a temporary directory. Queue
 * and workers are in the process of the load generator, as Millrace is.
 */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { setTimeout as sleep } from "node:timers/promises"
import { newDirectory } from "../src/node-process.ts"
import { concurrencies, type Mode, type Queue, type System } from "./queue.ts"

const version = "5"
const persistence: Readonly<Record<Mode, readonly string[]>> = {
  M: ["--save", "", "--appendonly", "no"],
  B: ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"],
  D: ["--save", "", "--appendonly", "yes", "--appendfsync", "always"],
}

/** The part of bullmq that is used. */
interface Bull {
  readonly Queue: new (name: string, options: object) => {
    add(name: string, data: object, options?: object): Promise<{ waitUntilFinished(events: object): Promise<unknown> }>
    addBulk(jobs: readonly { name: string; data: object }[]): Promise<unknown>
    pause(): Promise<void>
    resume(): Promise<void>
    close(): Promise<void>
    waitUntilReady(): Promise<unknown>
  }
  readonly Worker: new (name: string, run: (job: { readonly data: unknown }) => Promise<unknown>, options: object) => {
    on(event: "completed", act: (job: { readonly returnvalue: unknown }) => void): void
    close(force?: boolean): Promise<void>
    waitUntilReady(): Promise<unknown>
  }
  readonly QueueEvents: new (name: string, options: object) => { close(): Promise<void>; waitUntilReady(): Promise<unknown> }
}

let installed: Promise<Bull> | undefined

async function load(): Promise<Bull> {
  const dir = newDirectory()
  writeFileSync(join(dir, "package.json"), '{"private":true,"type":"module"}')
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "--silent", `bullmq@${version}`], { cwd: dir, stdio: "ignore" })
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }))
  const { default: bull } = (await import(pathToFileURL(join(dir, "node_modules/bullmq/dist/cjs/index.js")).href)) as { default: Bull }
  return bull
}

export const bullmq: System = {
  name: "BullMQ",
  modes: {
    M: "nothing on the disk: a killed Redis loses all",
    B: "AOF synced every second: a power cut loses about one second",
    D: "AOF synced before Redis answers",
  },
  async open(mode: Mode): Promise<Queue> {
    try {
      execFileSync("redis-server", ["--version"], { stdio: "ignore" })
    } catch {
      throw new Error("redis-server is not installed: apt-get install redis-server")
    }
    const { Queue: BullQueue, Worker, QueueEvents } = await (installed ??= load())
    const dir = newDirectory()
    const port = await freePort()
    const redis = spawn("redis-server", ["--port", String(port), "--dir", dir, "--bind", "127.0.0.1", ...persistence[mode]], { stdio: "ignore" })
    const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null }
    await sleep(500)
    const counts = new Map<string, number>()
    const waits: number[] = []
    const parts = await Promise.all(
      Object.entries(concurrencies).map(async ([name, concurrency]) => {
        const queue = new BullQueue(name, { connection, defaultJobOptions: { removeOnComplete: { count: 1_000 } } })
        const events = new QueueEvents(name, { connection })
        const run = async ({ data }: { readonly data: unknown }): Promise<unknown> =>
          name === "probe" ? { waited: performance.timeOrigin + performance.now() - (data as { readonly sent: number }).sent } : { ok: true }
        const worker = new Worker(name, run, { connection, concurrency })
        worker.on("completed", ({ returnvalue }) => {
          counts.set(name, (counts.get(name) ?? 0) + 1)
          if (name === "probe") waits.push((returnvalue as { readonly waited: number }).waited)
        })
        await Promise.all([queue.waitUntilReady(), events.waitUntilReady(), worker.waitUntilReady()])
        return [name, { queue, events, worker }] as const
      }),
    )
    const byName = new Map(parts)
    const of = (name: string): (typeof parts)[number][1] => byName.get(name) as (typeof parts)[number][1]
    return {
      async enqueue(task, input) {
        await of(task).queue.add("run", input)
      },
      async enqueueAll(task, inputs) {
        await of(task).queue.addBulk(inputs.map((data) => ({ name: "run", data })))
      },
      pause: (task) => of(task).queue.pause(),
      resume: (task) => of(task).queue.resume(),
      succeeded: async (task) => counts.get(task) ?? 0,
      async call(task, input) {
        return (await of(task).queue.add("run", input)).waitUntilFinished(of(task).events)
      },
      waits: async () => waits,
      async close() {
        for (const [, { queue, events, worker }] of parts) {
          await worker.close(true)
          await events.close()
          await queue.close()
        }
        const gone = once(redis, "exit")
        redis.kill("SIGKILL")
        await gone
        rmSync(dir, { recursive: true, force: true })
      },
    }
  },
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as { readonly port: number }
  server.close()
  return port
}

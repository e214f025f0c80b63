/**
 * graphile-worker on PostgreSQL, with the settings that its documentation gives for throughput: a local queue, and completions in
 * batches. It has no pause: a task that is paused has no runner. Nobody can await what a job gives. Its backoff cannot be set.
 *
 * Concurrency is that of a runner, so each task has one of its own; and only the task that a workload uses has one, since every insert wakes all
 * runners that there are, each of which then asks the database for jobs of its own.
 */
import { Logger, makeWorkerUtils, run, type Runner } from "graphile-worker"
import { postgresModes, startPostgres } from "./postgres.ts"
import type { Mode, Queue, System } from "./queue.ts"
import { concurrencies, flakyRetry, type Input, type TaskName, work } from "./work.ts"

export const graphileWorker: System = {
  name: "graphile-worker",
  modes: postgresModes,
  lacks: { W6: "nobody can await the output of a job", W11: "it has no streams" },
  async open(mode: Mode, dir: string): Promise<Queue> {
    const server = await startPostgres(mode, dir)
    const connectionString = server.url
    const logger = new Logger(() => () => undefined)
    const utils = await makeWorkerUtils({ connectionString, logger, maxPoolSize: 20 })
    await utils.migrate()
    const counts = new Map<string, number>()
    const waits = { probe: [] as number[], late: [] as number[] }
    const runners = new Map<TaskName, Runner>()
    const start = async (name: TaskName): Promise<void> => {
      const concurrentJobs = concurrencies[name]
      const task = async (payload: unknown, { job }: { readonly job: { readonly attempts: number } }): Promise<void> => {
        const output = await work(name, payload as Input, job.attempts)
        if (name === "probe" || name === "late") waits[name].push((output as { readonly waited: number }).waited)
      }
      // A local queue makes jobs start late while it asks, so tasks whose latency is measured have none, nor has that with queues by key.
      const prompt = name === "probe" || name === "late" || name === "keyed" || concurrentJobs === 1
      const batches = prompt ? {} : { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }
      const worker = { concurrentJobs, maxPoolSize: 20, pollInterval: 1_000, ...batches }
      const runner = await run({ connectionString, logger, taskList: { [name]: task }, noHandleSignals: true, preset: { worker } })
      runner.events.on("job:complete", ({ error }: { readonly error: unknown }) => {
        if (error === null || error === undefined) counts.set(name, (counts.get(name) ?? 0) + 1)
      })
      runners.set(name, runner)
    }
    const stop = async (name: TaskName): Promise<void> => {
      const runner = runners.get(name)
      runners.delete(name)
      await runner?.stop()
    }
    const paused = new Set<TaskName>()
    let inUse: TaskName | undefined
    let turning: Promise<void> = Promise.resolve()
    /** One task after the other is used; the one before has nothing left to do. */
    const use = (name: TaskName): Promise<void> => {
      if (name === inUse) return turning
      const before = inUse
      inUse = name
      turning = turning.then(async () => {
        if (before !== undefined) await stop(before)
        if (!paused.has(name)) await start(name)
      })
      return turning
    }
    const specOf = (task: TaskName, { key }: Input, at?: number) => ({
      ...(task === "keyed" && key !== undefined ? { queueName: key } : {}),
      ...(at === undefined ? {} : { runAt: new Date(at) }),
      ...(task === "flaky" ? { maxAttempts: flakyRetry.attempts } : {}),
    })
    return {
      async enqueue(task, input) {
        if (task !== inUse) await use(task)
        await utils.addJob(task, input, specOf(task, input))
      },
      async enqueueAll(task, inputs, at) {
        if (task !== inUse) await use(task)
        await utils.addJobs(inputs.map((payload) => ({ identifier: task, payload, ...specOf(task, payload, at) })))
      },
      async pause(task) {
        await turning
        paused.add(task)
        await stop(task)
      },
      async resume(task) {
        paused.delete(task)
        if (task !== inUse) await use(task)
        else if (!runners.has(task)) await start(task)
      },
      succeeded: async (task) => counts.get(task) ?? 0,
      waits: async (task) => waits[task],
      async close() {
        for (const runner of runners.values()) await runner.stop().catch(() => undefined)
        await utils.release()
        await server.close()
      },
    }
  },
}

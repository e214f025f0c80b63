/**
 * pg-boss on PostgreSQL, told of new jobs by NOTIFY, with batches that are asked for again at once while they come back full. Nobody can
 * await what a job gives.
 */
import { PgBoss } from "pg-boss"
import { postgresModes, startPostgres } from "./postgres.ts"
import type { Mode, Queue, System } from "./queue.ts"
import { concurrencies, flakyRetry, type Input, type TaskName, taskNames, work } from "./work.ts"

export const pgBoss: System = {
  name: "pg-boss",
  modes: postgresModes,
  lacks: { W6: "nobody can await the output of a job", W11: "it has no streams" },
  async open(mode: Mode, dir: string): Promise<Queue> {
    const server = await startPostgres(mode, dir)
    const boss = new PgBoss({ connectionString: server.url, max: 20, useListenNotify: true })
    boss.on("error", () => undefined)
    await boss.start()
    const counts = new Map<string, number>()
    const waits = { probe: [] as number[], late: [] as number[] }
    const start = async (name: TaskName): Promise<void> => {
      const most = concurrencies[name]
      const keyed = name === "keyed"
      // Limits by key count jobs that are asked for one by one; a batch ends as a whole.
      const shape = keyed || name === "flaky" ? { batchSize: 1, localConcurrency: 24 } : { batchSize: most, burstWhenBatchFull: most > 1 }
      const options = { ...shape, pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5, includeMetadata: true as const }
      await boss.work<Input>(name, keyed ? { ...options, localGroupConcurrency: 1 } : options, async (jobs) => {
        for (const { data, retryCount } of jobs) {
          const output = await work(name, data, retryCount + 1)
          if (name === "probe" || name === "late") waits[name].push((output as { readonly waited: number }).waited)
        }
        counts.set(name, (counts.get(name) ?? 0) + jobs.length)
      })
    }
    for (const name of taskNames) {
      const { attempts, firstMs } = flakyRetry
      const retry = name === "flaky" ? { retryLimit: attempts - 1, retryDelay: firstMs / 1_000, retryBackoff: true } : {}
      await boss.createQueue(name, { notify: true, ...retry })
      await start(name)
    }
    const groupOf = (task: TaskName, { key }: Input) => (task === "keyed" && key !== undefined ? { group: { id: key } } : {})
    return {
      async enqueue(task, input) {
        await boss.send(task, input, groupOf(task, input))
      },
      async enqueueAll(task, inputs, at) {
        const later = at === undefined ? {} : { startAfter: new Date(at) }
        await boss.insert(task, inputs.map((data) => ({ data, ...groupOf(task, data), ...later })))
      },
      pause: (task) => boss.offWork(task, { wait: true }),
      resume: start,
      succeeded: async (task) => counts.get(task) ?? 0,
      waits: async (task) => waits[task],
      async close() {
        await boss.stop({ graceful: false, close: true })
        await server.close()
      },
    }
  },
}

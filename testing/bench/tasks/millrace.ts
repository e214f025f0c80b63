/** Millrace in the process of the load generator: `startNode`, and the caller that `task.call` uses. */
import { resolve } from "node:path"
import { startNode } from "millrace/node"
import { openApart, syncs } from "./millrace-apart.ts"
import { overHttp } from "./millrace-client.ts"
import { type Fed, tasks } from "./noop-service.ts"
import type { Mode, Queue, System } from "./queue.ts"

export const millrace: System = {
  name: "Millrace",
  modes: {
    M: "never synced: a power cut loses what the system had not written back, a killed process nothing",
    B: "synced within 10 ms: a power cut loses those, a killed process nothing",
    D: "synced before it is acknowledged",
  },
  lacks: {},
  openApart,
  async open(mode: Mode, dir: string): Promise<Queue> {
    const files = [resolve(import.meta.dirname, "noop-service.ts")]
    const node = await startNode({ files, dataDir: dir, port: 0, log: "error", sync: syncs[mode] })
    const { client, news, pause, resume, succeeded, waits } = overHttp(node.url)
    return {
      async enqueue(task, input) {
        await tasks[task].send(input)
      },
      async enqueueAll(task, inputs, at) {
        await tasks[task].sendMany(inputs, at === undefined ? {} : { delay: Math.max(0, at - Date.now()) })
      },
      pause,
      resume,
      succeeded,
      waits,
      call: (task, input) => tasks[task].call(input),
      callOverHttp: (task, input) => (client.task(task) as { call(input: unknown): Promise<unknown> }).call(input),
      feed: {
        async send(from, to) {
          const sent = performance.timeOrigin + performance.now()
          await client.produce("fed", Array.from({ length: to - from }, (_, i): Fed => ({ seq: from + i, sent })))
        },
        async outputs(count) {
          const seqs: number[] = []
          const took: number[] = []
          while (seqs.length < count) {
            const values = await news<Fed>("relay.output")
            const now = performance.timeOrigin + performance.now()
            for (const { seq, sent } of values) {
              seqs.push(seq)
              took.push(now - sent)
            }
            if (values.length === 0) await new Promise((next) => setTimeout(next, 1))
          }
          return { seqs, waits: took }
        },
      },
      close: () => node.close(),
    }
  },
}

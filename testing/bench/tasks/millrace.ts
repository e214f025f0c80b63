/** Millrace in the process of the load generator: `startNode`, and the caller that `task.call` uses. */
import { resolve } from "node:path"
import { connect } from "millrace/client"
import { startNode } from "millrace/node"
import { type Fed, tasks } from "./noop-service.ts"
import type { Mode, Queue, System } from "./queue.ts"

const syncs = { M: "never", B: "buffered", D: "always" } as const

export const millrace: System = {
  name: "Millrace",
  modes: {
    M: "never synced: a power cut loses what the system had not written back, a killed process nothing",
    B: "synced within 10 ms: a power cut loses those, a killed process nothing",
    D: "synced before it is acknowledged",
  },
  lacks: {},
  async open(mode: Mode, dir: string): Promise<Queue> {
    const files = [resolve(import.meta.dirname, "noop-service.ts")]
    const node = await startNode({ files, dataDir: dir, port: 0, log: "error", sync: syncs[mode] })
    const client = connect(node.url)
    /** What of a stream has not been read yet. */
    const places = new Map<string, string>()
    const news = async <Value>(stream: string): Promise<Value[]> => {
      const values: Value[] = []
      const { partitions } = await client.stream(stream)
      for (let partition = 0; partition < partitions; partition++) {
        const place = `${stream} ${partition}`
        for (;;) {
          const page = await client.read<Value>(stream, { partition, from: places.get(place) ?? "0", limit: 10_000 })
          for (const { value } of page.records) values.push(value)
          places.set(place, String(page.next))
          if (page.next >= page.end) break
        }
      }
      return values
    }
    const waits = { probe: [] as number[], late: [] as number[] }
    return {
      async enqueue(task, input) {
        await tasks[task].send(input)
      },
      async enqueueAll(task, inputs, at) {
        await tasks[task].sendMany(inputs, at === undefined ? {} : { delay: Math.max(0, at - Date.now()) })
      },
      pause: (task) => client.pause(task),
      resume: (task) => client.resume(task),
      async succeeded(task) {
        return (await client.tasks()).find(({ name }) => name === task)?.counts.succeeded ?? 0
      },
      call: (task, input) => tasks[task].call(input),
      callOverHttp: (task, input) => (client.task(task) as { call(input: unknown): Promise<unknown> }).call(input),
      async waits(task) {
        for (const { waited } of await news<{ readonly waited: number }>(`${task}.output`)) waits[task].push(waited)
        return waits[task]
      },
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

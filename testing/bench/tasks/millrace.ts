/** Millrace in the process of the load generator: `startNode`, and the caller that `task.call` uses. */
import { rmSync } from "node:fs"
import { resolve } from "node:path"
import { connect } from "millrace/client"
import { startNode } from "millrace/node"
import { newDirectory } from "../src/node-process.ts"
import { drain1, drain24, drain100, probe } from "./noop-service.ts"
import type { Mode, Queue, System } from "./queue.ts"

const tasks = { drain1, drain24, drain100, probe } as const
const syncs = { M: "never", B: "buffered", D: "always" } as const

export const millrace: System = {
  name: "Millrace",
  modes: {
    M: "never synced: a power cut loses what the system had not written back, a killed process nothing",
    B: "synced within 10 ms: a power cut loses those, a killed process nothing",
    D: "synced before it is acknowledged",
  },
  async open(mode: Mode): Promise<Queue> {
    const dir = newDirectory()
    const node = await startNode({
      files: [resolve(import.meta.dirname, "noop-service.ts")],
      dataDir: dir,
      port: 0,
      log: "error",
      sync: syncs[mode],
    })
    const client = connect(node.url)
    const named = (name: string): (typeof tasks)[keyof typeof tasks] => tasks[name as keyof typeof tasks]
    return {
      async enqueue(task, input) {
        await named(task).send(input)
      },
      async enqueueAll(task, inputs) {
        await named(task).sendMany(inputs)
      },
      pause: (task) => client.pause(task),
      resume: (task) => client.resume(task),
      async succeeded(task) {
        return (await client.tasks()).find(({ name }) => name === task)?.counts.succeeded ?? 0
      },
      call: (task, input) => named(task).call(input),
      async waits() {
        const waits: number[] = []
        for (let partition = 0; partition < 8; partition++) {
          for (let from = 0, end = 1; from < end; ) {
            const page = await client.read<{ waited: number }>("probe.output", { partition, from: String(from), limit: 10_000 })
            for (const { value } of page.records) waits.push(value.waited)
            from = page.next
            end = page.end
          }
        }
        return waits
      },
      async close() {
        await node.close()
        rmSync(dir, { recursive: true, force: true })
      },
    }
  },
}

/** Millrace as it is deployed: a node in a process of its own, whose memory is told apart, and which is reached over HTTP alone. */
import { resolve } from "node:path"
import { startProcess } from "../src/node-process.ts"
import { overHttp } from "./millrace-client.ts"
import { usedBy } from "./process-figures.ts"
import type { Mode, Queue } from "./queue.ts"

export const syncs = { M: "never", B: "buffered", D: "always" } as const

export async function openApart(mode: Mode, dir: string): Promise<Queue> {
  const node = await startProcess([resolve(import.meta.dirname, "noop-service.ts")], dir, ["--sync", syncs[mode]])
  const { client, pause, resume, succeeded, waits } = overHttp(node.url)
  const task = (name: string) => client.task(name) as { send(input: unknown): Promise<string>; sendMany(inputs: readonly unknown[], options: object): Promise<readonly string[]> }
  return {
    async enqueue(name, input) {
      await task(name).send(input)
    },
    async enqueueAll(name, inputs, at) {
      await task(name).sendMany(inputs, at === undefined ? {} : { delay: Math.max(0, at - Date.now()) })
    },
    pause,
    resume,
    succeeded,
    waits,
    used: () => usedBy(node.pid),
    close: () => node.kill("SIGTERM"),
  }
}

/**
 * SIGKILL with 1,000,000 keys of state; then the same command again: until `/readyz` answers, and until a record that
 * touches every partition's state has been processed.
 */
import { resolve } from "node:path"
import { type Bench, median } from "./figures.ts"
import { newDirectory, pause, removeDirectory, startProcess } from "./node-process.ts"
import { firstTime, paymentLine } from "./payments.ts"

const keys = 1_000_000
const perRequest = 5_000
const rounds = Number(process.env["ROUNDS"] ?? 3)

interface Status {
  readonly idle: boolean
  readonly stages: ReadonlyArray<{ readonly keys: number; readonly consumed: number }>
}

export const recovery: Bench = {
  name: "recovery",
  about: "SIGKILL with 1 M keys of state; from starting again to ready, and to having processed with that state",
  async run(say) {
    const dir = newDirectory()
    const service = [resolve(import.meta.dirname, "velocity.ts")]
    let node = await startProcess(service, dir)
    for (let from = 0; from < keys; from += perRequest) {
      const lines = Array.from({ length: perRequest }, (_, i) => paymentLine(from + i, 100, firstTime))
      await post(node.url, `${lines.join("\n")}\n`)
    }
    while (!(await statusOf(node.url)).idle) await pause(20)
    const ready: number[] = []
    const serving: number[] = []
    let whole = true
    for (let round = 0; round < rounds; round++) {
      await node.kill("SIGKILL")
      const started = performance.now()
      node = await startProcess(service, dir)
      ready.push(node.readyMs)
      const lines = Array.from({ length: 64 }, (_, i) => paymentLine(i, 100, firstTime))
      await post(node.url, `${lines.join("\n")}\n`)
      while (!(await statusOf(node.url)).idle) await pause(5)
      serving.push(performance.now() - started)
      const { stages } = await statusOf(node.url)
      const held = stages.reduce((sum, stage) => sum + stage.keys, 0)
      whole &&= held >= keys
      say(`round ${round + 1}: ready after ${Math.round(node.readyMs)} ms, processed after ${Math.round(serving.at(-1) ?? 0)} ms with ${held} keys`)
    }
    await node.kill("SIGTERM")
    removeDirectory(dir)
    const oracle = whole ? "agrees" : "differs"
    return [
      { name: "ready after SIGKILL", value: Math.round(median(ready)), unit: "ms", better: "lower", oracle },
      { name: "processed with all state in memory", value: Math.round(median(serving)), unit: "ms", aim: 2000, better: "lower", oracle },
    ]
  },
}

async function post(url: string, body: string): Promise<void> {
  const answer = await fetch(`${url}/v1/streams/payments/records`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body,
  })
  if (answer.status === 429) {
    await pause(50)
    return post(url, body)
  }
  if (!answer.ok) throw new Error(`the node answered ${answer.status}: ${await answer.text()}`)
  await answer.arrayBuffer()
}

async function statusOf(url: string): Promise<Status> {
  const { node } = (await (await fetch(`${url}/v1/status`)).json()) as { readonly node: Status }
  return node
}

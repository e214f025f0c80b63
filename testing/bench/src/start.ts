/** `millrace start` with no service: from spawning it to `/readyz`; then what it costs to have it do nothing. */
import { type Bench, median } from "./figures.ts"
import { newDirectory, pause, removeDirectory, startProcess } from "./node-process.ts"

const rounds = 9
const idleSeconds = 20

export const start: Bench = {
  name: "start",
  about: "`millrace start` of an empty service to readyz; resident memory and CPU when idle",
  async run(say) {
    const times: number[] = []
    for (let round = 0; round < rounds; round++) {
      const dir = newDirectory()
      const node = await startProcess([], dir)
      times.push(node.readyMs)
      await node.kill("SIGTERM")
      removeDirectory(dir)
    }
    say(`ready after ${times.map((ms) => Math.round(ms)).join(", ")} ms`)
    const dir = newDirectory()
    const node = await startProcess([], dir)
    await pause(5000)
    const before = node.cpuSeconds()
    await pause(idleSeconds * 1000)
    const cpu = ((node.cpuSeconds() - before) / idleSeconds) * 100
    const rss = node.rssBytes()
    say(`idle: ${(rss / 1e6).toFixed(0)} MB resident, ${cpu.toFixed(2)} % of a core over ${idleSeconds} s`)
    await node.kill("SIGTERM")
    removeDirectory(dir)
    return [
      { name: "start to ready", value: Math.round(median(times)), unit: "ms", aim: 300, better: "lower" },
      { name: "idle RSS", value: Math.round(rss / 1e6), unit: "MB", aim: 80, better: "lower" },
      { name: "idle CPU", value: Math.round(cpu * 100) / 100, unit: "% of a core", aim: 0.1, better: "lower" },
    ]
  },
}

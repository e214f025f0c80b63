// The process that W12 kills: enqueues `recorded` at a pace and notes what was acknowledged.
// Arguments: system, mode, data directory, file of what was acknowledged, first number, runs per second.
import { appendFileSync, mkdirSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import type { Mode } from "./queue.ts"
import { systems } from "./systems.ts"

const [name, mode, dir = "", acked = "", first, pace] = process.argv.slice(2)
const system = systems.find((each) => each.name === name)
if (system === undefined) throw new Error(`there is no system ${name}`)
mkdirSync(dir, { recursive: true, mode: 0o755 })
const queue = await system.open(mode as Mode, dir)
const from = performance.now()
const perMs = Number(pace) / 1_000
for (let sent = 0; ; await sleep(5)) {
  for (const due = (performance.now() - from) * perMs; sent < due; sent++) {
    const seq = Number(first) + sent
    queue.enqueue("recorded", { pad: "x".repeat(88), seq }).then(
      () => appendFileSync(acked, `${seq}\n`),
      () => undefined,
    )
  }
}

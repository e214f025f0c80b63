/** The stage machine alone, on one core: decoded records in, transactions with encoded state out; no HTTP, no disk. */
import type { Batch, StateReader } from "@millrace/engine"
import { StageMachine } from "@millrace/engine/machine"
import { compile } from "@millrace/sdk"
import { type Bench, median } from "./figures.ts"
import { cards, firstTime, random } from "./payments.ts"
import velocity from "./velocity.ts"

const records = 4_000_000
const perBatch = 4_000
const rounds = 5

const nothing: StateReader = { buckets: () => [], get: () => undefined, entries: () => [], close: () => undefined }

export const engine: Bench = {
  name: "engine",
  about: "keyed tumbling aggregate (100 k keys) on one core, from decoded records to transactions",
  async run(say) {
    const batches = makeBatches()
    const rates: number[] = []
    for (let round = 0; round < rounds; round++) {
      const machine = new StageMachine(compile(velocity), "payments", 0, nothing, firstTime)
      const started = performance.now()
      let bytes = 0
      for (const batch of batches) bytes += machine.apply([batch], firstTime).state.length
      const ms = performance.now() - started
      rates.push((records / ms) * 1000)
      say(`round ${round + 1}: ${Math.round(records / ms)} k records/s, ${Math.round(bytes / 1e6)} MB of state changes`)
    }
    return [{ name: "records/s on one core", value: Math.round(median(rates)), unit: "records/s", aim: 1_500_000, better: "higher" }]
  },
}

function makeBatches(): Batch[] {
  const next = random(11)
  const names = Array.from({ length: cards }, (_, i) => `card-${String(i).padStart(8, "0")}`)
  const batches: Batch[] = []
  for (let base = 0; base < records; base += perBatch) {
    const values: unknown[] = []
    const keys: string[] = []
    const times: number[] = []
    for (let i = 0; i < perBatch; i++) {
      const card = names[Math.floor(next() * cards)] as string
      const at = firstTime + Math.floor(((base + i) * 600_000) / records)
      values.push({ card, amount: Math.floor(next() * 100_000) / 100, at, memo: "" })
      keys.push(card)
      times.push(at)
    }
    batches.push({ base, count: perBatch, kinds: undefined, values, keys, times, upstreams: undefined, bytes: 0 })
  }
  return batches
}

/**
 * The stage machine alone, on one core: decoded records in, transactions with encoded state out; no HTTP, no disk. The aggregate
 * and the rate of event time are those of the pipeline. Apart, event time goes sixty times as fast: nearly every record is then the
 * only one of its key in its window, and what is measured is mostly how windows close.
 */
import type { Batch, StateReader } from "@millrace/engine"
import { StageMachine } from "@millrace/engine/machine"
import { compile } from "@millrace/sdk"
import { type Bench, median } from "./figures.ts"
import { cards, firstTime, perSecond, random } from "./payments.ts"
import velocity from "./velocity.ts"

const records = 4_000_000
const perBatch = 4_000
const rounds = 5

const nothing: StateReader = { buckets: () => [], get: () => undefined, entries: () => [], close: () => undefined }

export const engine: Bench = {
  name: "engine",
  about: "keyed tumbling aggregate (100 k keys) on one core, from decoded records to transactions",
  async run(say) {
    const accumulating = rate(say, perSecond)
    const closing = rate(say, perSecond / 60)
    return [
      { name: "records/s on one core", value: accumulating, unit: "records/s", aim: 1_500_000, better: "higher" },
      { name: "records/s on one core, a result each", value: closing, unit: "records/s", better: "higher" },
    ]
  },
}

/** Median of the rounds, in records/s. @param perSecond - records in a second of event time */
function rate(say: (line: string) => void, perSecond: number): number {
  const batches = makeBatches(perSecond)
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
  return Math.round(median(rates))
}

function makeBatches(perSecond: number): Batch[] {
  const next = random(11)
  const names = Array.from({ length: cards }, (_, i) => `card-${String(i).padStart(8, "0")}`)
  const batches: Batch[] = []
  for (let base = 0; base < records; base += perBatch) {
    const values: unknown[] = []
    const keys: string[] = []
    const times: number[] = []
    for (let i = 0; i < perBatch; i++) {
      const card = names[Math.floor(next() * cards)] as string
      const at = firstTime + Math.floor(((base + i) * 1000) / perSecond)
      values.push({ card, amount: Math.floor(next() * 100_000) / 100, at, memo: "" })
      keys.push(card)
      times.push(at)
    }
    batches.push({ base, count: perBatch, kinds: undefined, values, keys, times, upstreams: undefined, bytes: 0 })
  }
  return batches
}

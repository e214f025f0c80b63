/**
 * The clock that windows by the clock are shown (q12): it stands still while a batch of events is processed, then jumps, so that the
 * oracle can be told what it was for each event.
 */
import fs from "node:fs"
import type { Emission } from "./emission.ts"

/** What the clock jumps by after each batch, in ms. */
const stepMs = 700

/** The clock while a batch is processed, counted from 0, in ms. */
export function clockAt(batch: number): number {
  return Date.UTC(2030, 0) + batch * stepMs
}

/** Writes for the oracle from which bid on, counted from 1, the clock was what. */
export function writeClocks(file: string, events: Emission, perBatch: number): void {
  const lines: string[] = []
  let bids = 0
  let seen = 0
  for (let event = events.next(); event !== undefined; event = events.next()) {
    if (seen % perBatch === 0) lines.push(`${JSON.stringify({ from: bids + 1, clock: clockAt(seen / perBatch) })}\n`)
    seen++
    if (event.event_type === 2) bids++
  }
  fs.writeFileSync(file, lines.join(""))
}

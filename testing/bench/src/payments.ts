/** Payments of 200 bytes as NDJSON bodies: 100,000 cards at random, seeded, event time growing. */

export const cards = 100_000
/** First event time, in ms. */
export const firstTime = Date.UTC(2026, 0, 1)
/** Records in a second of event time: it goes as fast as the aim, and a window of 5 s takes 2 M records. */
export const perSecond = 400_000

/** A small seeded generator (mulberry32), so that every run sends the same. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One payment as JSON text of 200 bytes. */
export function paymentLine(card: number, cents: number, at: number): string {
  const start = `{"card":"card-${String(card).padStart(8, "0")}","amount":${(cents / 100).toFixed(2)},"at":${at},"memo":"`
  return `${start}${"m".repeat(198 - start.length)}"}`
}

/**
 * A body of `records` lines.
 *
 * @param at - event time of the first, in ms; the others follow `every` ms apart
 */
export function body(records: number, next: () => number, at: number, every: number): Uint8Array<ArrayBuffer> {
  const lines: string[] = []
  for (let i = 0; i < records; i++) {
    lines.push(paymentLine(Math.floor(next() * cards), Math.floor(next() * 100_000), Math.floor(at + i * every)))
  }
  return new TextEncoder().encode(`${lines.join("\n")}\n`)
}

/** Rides in the order of their times, about a second apart and up to three out of order, and what came of them. */
import type { KinesisClient } from "@aws-sdk/client-kinesis"
import { recordsOf, valueOf } from "./reading.ts"

export interface Ride {
  readonly rider: string
  readonly city: string
  readonly at: number
  readonly fare: number
}

/** The first ride of all is at midnight. */
const begin = Date.UTC(2026, 0, 1)

export function ridesOf(from: number, count: number): Ride[] {
  return Array.from({ length: count }, (_, i) => {
    const n = from + i
    const mixed = Math.imul(n + 1, 0x9e3779b1) >>> 0
    return { rider: `rider ${mixed % 17}`, city: `city ${(mixed >>> 8) % 5}`, at: begin + n * 1_000 - ((mixed >>> 12) % 3_000), fare: n }
  })
}

export const outputs = ["ledger-rows", "minute-rows", "hop-rows", "visit-rows", "purse-rows", "late-rows", "city-rows", "pair-rows", "asked-rows", "new-city-rows", "total-rows", "rides.dead-letter"]

/** The rows of each output, those of one key in the order in which they came where the order is told. */
export async function rowsOf(client: KinesisClient): Promise<Record<string, string[]>> {
  const rows: Record<string, string[]> = {}
  for (const name of outputs) {
    const texts = [...(await recordsOf(client, name)).values()].flat().map((record) => JSON.stringify(valueOf(record)))
    rows[name] = texts.toSorted()
  }
  return rows
}

/** Of each rider the fares in the order in which the service saw them. */
export async function ledgerOf(client: KinesisClient): Promise<Map<string, number[]>> {
  const seen = new Map<string, number[]>()
  for (const records of (await recordsOf(client, "ledger-rows")).values()) {
    for (const record of records) {
      const { key, n } = valueOf(record) as { key: string; n?: number }
      if (n !== undefined) seen.set(key, [...(seen.get(key) ?? []), n])
    }
  }
  return seen
}

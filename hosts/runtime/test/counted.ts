// What the service "orders" has counted, and whether it counted each record once.
import assert from "node:assert/strict"
import type { Node } from "../src/node.ts"
import { valuesOf } from "./bench.ts"
import type { Order } from "./services/orders.ts"

interface Counted {
  readonly key: string
  readonly seq: number
  readonly n: number
}

/** A few keys in all partitions; each record says its number. */
export function ordersOf(from: number, count: number, keys = 16): Order[] {
  return Array.from({ length: count }, (_, i) => ({ key: `k${(from + i) % keys}`, seq: from + i }))
}

/** Each of these records was counted once, and no other. */
export async function assertCountedOnce(node: Node, records: readonly Order[]): Promise<void> {
  const seen = new Map<string, number[]>()
  for (const { key, seq, n } of await valuesOf<Counted>(node, "counted")) {
    const of = seen.get(key) ?? []
    of.push(seq)
    assert.equal(n, of.length, `record ${seq} of key ${key} is counted as number ${n}`)
    seen.set(key, of)
  }
  // Requests that were under way together have no order among them.
  for (const seqs of seen.values()) seqs.sort((a, b) => a - b)
  const wanted = new Map<string, number[]>()
  for (const { key, seq } of records) wanted.set(key, [...(wanted.get(key) ?? []), seq])
  for (const seqs of wanted.values()) seqs.sort((a, b) => a - b)
  assert.deepEqual(seen, wanted)
}

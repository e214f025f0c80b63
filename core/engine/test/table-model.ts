// What tests of tables share: events, their source, and tables as they are when all changes have been added up.
import assert from "node:assert/strict"
import type { Change } from "@millrace/model"
import { stream } from "@millrace/sdk"
import fc from "fast-check"
import type { Found, Rig } from "./rig.ts"
import type { Turn } from "./schedule.ts"

export interface Event {
  readonly k: string
  readonly t: number
  /** The group of the row. */
  readonly g: string
  readonly v: number
  readonly gone: boolean
  readonly id: number
}

export const events: fc.Arbitrary<readonly Event[]> = fc
  .array(
    fc.record({
      k: fc.constantFrom("a", "b", "c"),
      step: fc.integer({ min: -6, max: 9 }),
      g: fc.constantFrom("x", "y"),
      v: fc.integer({ min: -3, max: 3 }),
      gone: fc.integer({ max: 4, min: 0 }).map((n) => n === 0),
    }),
    { maxLength: 30, size: "max" },
  )
  .map((all) => {
    let t = 1_000
    return all.map(({ step, ...event }, id) => ({ ...event, t: (t += step), id }))
  })

export const outOfOrder: fc.Arbitrary<number> = fc.constantFrom(0, 4, 100)

export function source(outOfOrderMs: number, partitions = 1) {
  return stream<Event>("in", { partitions, key: (event) => event.k, time: (event) => event.t, outOfOrder: outOfOrderMs })
}

/** Applies changes one after the other; each must begin where the one before ended. */
export function folded(found: readonly Found[]): Map<string, unknown> {
  const rows = new Map<string, unknown>()
  for (const { value } of found) {
    const change = value as Change<unknown>
    assert.deepEqual(change.old, rows.get(change.key), `the change of ${change.key} begins where the last one ended`)
    assert.ok(change.old !== undefined || change.new !== undefined)
    if (change.new === undefined) rows.delete(change.key)
    else rows.set(change.key, change.new)
  }
  return new Map([...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

export function mapOf<V>(entries: Iterable<readonly [string, V]>): Map<string, V> {
  return new Map([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Of the seats that have input, which takes its turn. */
export const order: fc.Arbitrary<readonly number[]> = fc.array(fc.nat(40), { minLength: 1, maxLength: 12 })

/** Lets seats take turns as drawn, until none is behind. */
export async function stir(rig: Rig, drawn: readonly number[], way: readonly Turn[]): Promise<void> {
  for (let i = 0; ; i++) {
    const waiting = rig.seats.filter((seat) => rig.behind(seat))
    const seat = waiting[(drawn.at(i % drawn.length) ?? 0) % Math.max(1, waiting.length)]
    if (seat === undefined) return
    const { cut, room, crash } = way.at(i % way.length) as Turn
    rig.room = room
    await rig.take(seat, cut)
    if (crash) await rig.restart(seat)
  }
}

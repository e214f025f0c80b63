/** How a seat gets through its input: how it is cut into batches and transactions, and when the seat crashes. */
import fc from "fast-check"
import type { Rig, Seat } from "./rig.ts"

/** One transaction: the sizes of its batches, after how many bytes it ends itself, and whether the seat crashes after it. */
export interface Turn {
  readonly cut: readonly number[]
  readonly room: number
  readonly crash: boolean
}

export const turn: fc.Arbitrary<Turn> = fc.record({
  cut: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 }),
  room: fc.constantFrom(Number.POSITIVE_INFINITY, 1, 400, 1_000),
  crash: fc.boolean(),
})

export const turns: fc.Arbitrary<readonly Turn[]> = fc.array(turn, { minLength: 1, maxLength: 12 })

/** All input as one batch and no crash: what every other way must equal. */
export const atOnce: readonly Turn[] = [
  { cut: [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY], room: Number.POSITIVE_INFINITY, crash: false },
]

/** Takes a seat through all of its input, beginning the turns anew when they run out. */
export async function drive(rig: Rig, seat: Seat, way: readonly Turn[]): Promise<void> {
  for (let i = 0; rig.behind(seat); i++) {
    const { cut, room, crash } = way.at(i % way.length) as Turn
    rig.room = room
    await rig.take(seat, cut)
    if (crash) await rig.restart(seat)
  }
}

// Bursts of records over several partitions with pauses between them: what one partition says first makes nobody else's records late.
import assert from "node:assert/strict"
import { test } from "node:test"
import { limits, partitionOf } from "@millrace/model"
import { count, service, stream, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import fc from "fast-check"
import { Dice } from "./dice.ts"
import { Rig } from "./rig.ts"

interface Seen {
  readonly page: string
  readonly user: string
  readonly t: number
}

/** Pages of every partition of three. */
const pages = ["a", "b", "c", "d", "e", "f"]

function program(partitions: number) {
  const input = stream<Seen>("in", { partitions, key: ({ page }) => page, time: ({ t }) => t, outOfOrder: 100, ahead: "1000d", idle: "30s" })
  return service("s", [
    input.keyBy(({ user }) => user).window("counts", tumbling(100)).aggregate({ n: count() }).to(files("counts")),
  ])
}

/** Does all that is due on the way, at its time. */
async function advance(rig: Rig, to: number, dice: Dice): Promise<void> {
  for (;;) {
    const due = Math.min(...rig.seats.map(({ machine }) => machine.tickAt))
    if (due > to) break
    rig.now = Math.max(rig.now, due)
    for (const seat of rig.seats) rig.tick(seat)
    await work(rig, dice)
  }
  rig.now = to
}

/** Seats take turns at random, in batches and transactions of any size, and die now and then, until none is behind. */
async function work(rig: Rig, dice: Dice): Promise<void> {
  for (;;) {
    const behind = rig.seats.filter((seat) => rig.behind(seat))
    const seat = behind[dice.roll(Math.max(1, behind.length))]
    if (seat === undefined) return
    rig.room = dice.roll(3) === 0 ? 1 : Number.POSITIVE_INFINITY
    await rig.take(seat, [1 + dice.roll(5)])
    if (dice.roll(8) === 0) await rig.restart(seat)
  }
}

const burst = fc.record({
  seen: fc.array(fc.record({ page: fc.constantFrom(...pages), user: fc.constantFrom("x", "y"), later: fc.nat(99) }), { minLength: 1, maxLength: 12 }),
  /** Clock time until the next burst, in ms: some partitions may be idle by then, or all. */
  pauseMs: fc.constantFrom(16_000, 29_300, 29_900, 31_000, 200_000),
  /** Whether its records come one by one, a moment apart. */
  slow: fc.boolean(),
})

test("after a pause no partition makes the records of another late, when all go on within the time that is waited", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(burst, { minLength: 2, maxLength: 5 }), fc.integer({ min: 2, max: 4 }), fc.integer(), async (bursts, partitions, seed) => {
      const rig = await Rig.open(program(partitions), 1_000_000)
      const dice = new Dice(seed)
      const expected = new Map<string, number>()
      for (const [i, { seen, pauseMs, slow }] of bursts.entries()) {
        for (const { page, user, later } of seen) {
          // The times of one partition are close to each other, those of two are far apart.
          const t = i * 5_000 + partitionOf(page, partitions) * 500 + later
          const name = `${user} ${Math.floor(t / 100) * 100}`
          expected.set(name, (expected.get(name) ?? 0) + 1)
          rig.produce("in", [{ page, user, t }])
          if (!slow) continue
          await work(rig, dice)
          await advance(rig, rig.now + Math.floor((limits.wakeMs - 1) / seen.length), dice)
        }
        await work(rig, dice)
        await advance(rig, rig.now + pauseMs, dice)
      }
      rig.end("in")
      await work(rig, dice)
      assert.deepEqual(rig.late(), {})
      const found = (await rig.values("s/counts.rows")) as { key: string; start: Date; n: number }[]
      assert.deepEqual(new Map(found.map(({ key, start, n }) => [`${key} ${Number(start)}`, n])), expected)
    }),
    { numRuns: 100 },
  )
})

test("one partition alone has its results at once after a pause; one of several, after the time that is waited", async () => {
  for (const partitions of [1, 3]) {
    const rig = await Rig.open(program(partitions), 1_000_000)
    const dice = new Dice(partitions)
    rig.produce("in", [{ page: "a", user: "x", t: 10 }])
    await work(rig, dice)
    await advance(rig, 1_100_000, dice)
    rig.produce("in", [{ page: "a", user: "x", t: 1_000 }])
    await work(rig, dice)
    assert.equal((await rig.values("s/counts.rows")).length, partitions === 1 ? 1 : 0)
    await advance(rig, 1_100_000 + limits.wakeMs - 1, dice)
    assert.equal((await rig.values("s/counts.rows")).length, partitions === 1 ? 1 : 0)
    await advance(rig, 1_100_000 + limits.wakeMs, dice)
    assert.equal((await rig.values("s/counts.rows")).length, 1)
  }
})

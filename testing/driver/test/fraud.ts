// A service with something of everything: windows, another key, keyed state with timers, late records, files.
import { count, type Flow, service, stream, sum, tumbling } from "@millrace/sdk"
import { files } from "@millrace/sdk/files"
import { z } from "zod"

export const payments = stream("payments", {
  schema: z.object({ card: z.string(), shop: z.string(), amount: z.number(), at: z.coerce.date() }),
  key: (payment) => payment.card,
  time: (payment) => payment.at,
  outOfOrder: "30s",
  idle: "1m",
})

export const quiet = stream<{ card: string; since: number }>("quiet", { key: (each) => each.card })

const spent = payments.window("spent", tumbling("10m")).aggregate({ n: count(), total: sum((p) => p.amount) })

export const spentFile = spent.to(files("spent", { roll: { every: "5m" } }))
export const lateFile = spent.late.to(files("late"))

/** Cards that have not paid for a quarter of an hour. */
const silence: Flow<{ card: string; since: number }, "keyed"> = payments.process("silence", {
  state: () => ({ last: 0 }),
  onRecord(payment, ctx) {
    if (payment.amount < 0) throw new Error("nobody pays less than nothing")
    ctx.clearTimer(ctx.state.last + 900_000)
    ctx.state.last = Math.max(ctx.state.last, ctx.time)
    ctx.setTimer(ctx.state.last + 900_000)
  },
  *onTimer(ctx) {
    yield { card: ctx.key, since: ctx.state.last }
    ctx.clear()
  },
})

const byShop = payments
  .keyBy((payment) => payment.shop)
  .window("by-shop", tumbling("10m"))
  .aggregate({ n: count() })

export const byShopFile = byShop.to(files("by-shop"))

export const fraud = service("fraud", [spentFile, lateFile, silence.to(quiet), byShopFile])

export const ten: number = Date.UTC(2026, 10, 21, 10)

/** A payment some minutes after ten. */
export function paid(card: string, minutes: number, amount = 10, shop = "kiosk"): { card: string; shop: string; amount: number; at: string } {
  return { card, shop, amount, at: new Date(ten + minutes * 60_000).toISOString() }
}

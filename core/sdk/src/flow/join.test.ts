import assert from "node:assert/strict"
import { test } from "node:test"
import { isMillraceError, type JoinContext } from "@millrace/model"
import { type Flow, hopping, type Joined, type JoinOptions, service, stream, tumbling } from "../index.ts"

interface Order {
  readonly id: string
  readonly amount: number
}

interface Payment {
  readonly order: string
  readonly cents: number
}

const orders = stream<Order>("orders", { key: (order) => order.id })
const payments = stream<Payment>("payments", { key: (payment) => payment.order })

function is<T>(thing: T): T {
  return thing
}

test("a join knows which side may be missing", () => {
  const inner = orders.join("inner", payments, { within: "1h" }, (order, payment) => order.amount + payment.cents)
  is<Joined<number, Order, Payment>>(inner)
  const left = orders.join("left", payments, { within: { after: "1h" }, type: "left" }, (order, payment, at: JoinContext) => {
    is<Payment | undefined>(payment)
    // @ts-expect-error -- there may be none
    is<Payment>(payment)
    return { at: at.time, id: order.id }
  })
  is<Flow<{ at: number; id: string }, "keyed">>(left)
  orders.join("right", payments, { window: tumbling("1h"), type: "right" }, (order, payment) => {
    // @ts-expect-error -- there may be none
    is<Order>(order)
    return is<Payment>(payment)
  })
  orders.join("outer", payments, { window: tumbling("1h"), type: "outer" }, (order, payment) => [order?.id, payment?.cents])
  is<Flow<{ side: "left"; value: Order } | { side: "right"; value: Payment }, "keyed">>(left.late)
  // @ts-expect-error -- a flow without a key cannot be joined
  stream<Order>("unkeyed").join("u", payments, { within: "1h" }, () => 1)
  // @ts-expect-error -- nor joined with
  assert.ok(orders.join("v", stream<Order>("unkeyed-too"), { within: "1h" }, () => 1))
})

test("a join that cannot be meant is refused with its name and the mend", () => {
  const refusals: [RegExp, unknown][] = [
    [/^join "j": a left join without within or window could never tell .* Give it a within/, { type: "left" }],
    [/^join "j": within and window exclude each other/, { within: "1h", window: tumbling("1h") }],
    [/^join "j", within\.before: "-1s" is not a duration/, { within: { before: "-1s" } }],
    [/^join "j", within: there is no option "upTo"; there are before, after\.$/, { within: { upTo: "1s" } }],
    [/^join "j", window: every \(2000 ms\) is longer than size/, { window: hopping({ size: "1s", every: "2s" }) }],
    [/^join "j", type: "full" is none of inner, left, right, outer\.$/, { type: "full", within: 1 }],
    [/^join "j": there is no option "on"/, { on: 1 }],
  ]
  for (const [says, options] of refusals) {
    assert.throws(
      () => orders.join("j", payments, options as JoinOptions<"inner">, () => 1),
      (error: unknown) => isMillraceError(error) && error.code === "MR1101" && says.test(error.message),
      String(says),
    )
  }
  assert.throws(() => orders.join("j", {} as never, { within: 1 }, () => 1), /^MillraceError: join "j": expected a flow/)
  const moved = orders.map((order) => order)
  assert.doesNotThrow(() => service("s", [moved.join("j", payments, { within: 1 }, () => ({ n: 1 })).to(stream("out"))]))
})

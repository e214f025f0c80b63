// Tables as a test sees them: the rows that are kept are what all changes so far add up to.
import assert from "node:assert/strict"
import { test } from "node:test"
import fc from "fast-check"
import { type Change, count, service, type Stream, stream, sum, type Table } from "@millrace/sdk"
import { testService } from "../src/index.ts"

interface Order {
  readonly id: string
  readonly customer: string
  readonly amount: number
}

const orders = stream<Order>("orders", { key: ({ id }) => id, partitions: 3 })
const customers = stream<{ id: string; country: string }>("customers", { key: ({ id }) => id, partitions: 2 })

const newest = orders.toTable("newest")
const known = customers.toTable("known")
const spent = newest.groupBy(({ customer }) => customer).aggregate("spent", { n: count(), total: sum(({ amount }) => amount) })
const largest = orders.keyBy(({ customer }) => customer).reduce("largest", (a, b) => (b.amount > a.amount ? b : a))
const withCountry = newest.join("with-country", known, { on: ({ customer }) => customer, type: "left" }, (order, customer) => ({
  id: order.id,
  country: customer?.country ?? "unknown",
}))

const tables: Readonly<Record<string, Table<object>>> = { newest, known, spent, largest, "with-country": withCountry }
const changes: Readonly<Record<string, Stream<Change<object>, Change<object>, "keyed">>> = Object.fromEntries(
  Object.keys(tables).map((name) => [name, stream<Change<object>>(`${name}-changes`, { key: ({ key }) => key })]),
)
const app = service(
  "shop",
  Object.entries(tables).map(([name, table]) => table.changes().to(changes[name] ?? assert.fail())),
)

test("the rows of a table are what its changes add up to", async () => {
  const order = fc.record({ id: fc.constantFrom("1", "2", "3", "4"), customer: fc.constantFrom("a", "b"), amount: fc.nat(20) })
  const customer = fc.record({ id: fc.constantFrom("a", "b"), country: fc.constantFrom("de", "fr") })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(order, customer), { maxLength: 25 }), fc.option(fc.integer(), { nil: undefined }), async (sent, seed) => {
      const run = await testService(app, seed === undefined ? {} : { seed })
      for (const each of sent) await ("amount" in each ? run.send(orders, each) : run.send(customers, each))
      await run.crash()
      for (const [name, table] of Object.entries(tables)) {
        const rows = new Map<string, object>()
        for (const { key, new: now } of run.values(changes[name] ?? assert.fail())) {
          if (now === undefined) rows.delete(key)
          else rows.set(key, now)
        }
        const sorted = new Map([...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)))
        assert.deepEqual(run.table(table), sorted, name)
        assert.deepEqual(run.table(name), sorted, name)
      }
    }),
    { numRuns: 30 },
  )
})

test("a table's rows have its type; one that is not kept is refused", async () => {
  const run = await testService(app)
  await run.send(orders, [{ id: "1", customer: "a", amount: 5 }, { id: "2", customer: "a", amount: 7 }])
  const total: number | null | undefined = run.table(spent).get("a")?.total
  assert.equal(total, 12)
  const large = newest.filter(({ amount }) => amount > 6)
  assert.throws(() => run.table(large), { code: "MR1101", message: /computed from another, by map or filter, and not kept/ })
  assert.throws(() => run.table("nothing"), { code: "MR1101" })
})

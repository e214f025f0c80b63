/** A service whose streams the Kinesis API puts to and reads. */
import { service, stream } from "millrace"
import { z } from "zod"

/** Keyed by its own field, whatever partition key it is put under. */
const orders = stream("orders", {
  schema: z.object({ customer: z.string(), cents: z.int() }),
  partitions: 4,
  key: (order) => order.customer,
})

const dear = orders
  .filter((order) => order.cents >= 1_000)
  .map(({ customer, cents }) => ({ customer, euros: cents / 100 }))
  .to(stream("dear-orders", { schema: z.object({ customer: z.string(), euros: z.number() }), partitions: 2, key: (order) => order.customer }))

/** Without a key function: the partition key is its key. */
const clicks = stream("clicks", { schema: z.object({ page: z.string() }), partitions: 3 })

export default service("shop", [dear, clicks.filter(({ page }) => page !== "").to(stream("seen", { schema: z.object({ page: z.string() }) }))])

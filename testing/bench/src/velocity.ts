/** The service under load: payments, a keyed tumbling aggregate, Parquet. */
import { count, service, stream, sum, tumbling } from "millrace"
import { files } from "millrace/files"
import { z } from "zod"

const payments = stream("payments", {
  schema: z.object({ card: z.string(), amount: z.number(), at: z.number(), memo: z.string() }),
  key: (payment) => payment.card,
  time: (payment) => payment.at,
  partitions: 8,
  ahead: "1d",
})

const velocity = payments
  .window("velocity", tumbling("5s"))
  .aggregate({ payments: count(), total: sum((payment) => payment.amount) })

export default service("velocity", [velocity.to(files("velocity", { format: "parquet" }))])

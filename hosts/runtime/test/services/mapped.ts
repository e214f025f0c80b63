// A stream that feeds a function with most of what a mapping can do.
import { fn, service, stream } from "@millrace/sdk"

const orders = stream<{ key: string; n: number }>("orders", { key: ({ key }) => key, partitions: 2 })

export default service("shop", [
  fn("take", "../functions/takes.ts", {
    env: { TAKEN: process.env["MILLRACE_TEST_TAKEN"] ?? "" },
    on: {
      stream: orders,
      batchSize: 20,
      parallelizationFactor: 2,
      bisectBatchOnFunctionError: true,
      functionResponseTypes: ["ReportBatchItemFailures"],
    },
  }),
])

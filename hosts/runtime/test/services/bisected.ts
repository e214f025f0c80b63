// A stream whose function fails for some records, so that its batches are split until each of them is alone.
import { fn, service, stream } from "@millrace/sdk"

const orders = stream<{ key: string; n: number; poison: boolean }>("orders", { key: ({ key }) => key, partitions: 1 })

export default service("shop", [
  fn("bisect", "../functions/bisects.ts", {
    timeout: "5m",
    env: { CALLS: process.env["MILLRACE_TEST_CALLS"] ?? "", HOLD: process.env["MILLRACE_TEST_HOLD"] ?? "" },
    on: {
      stream: orders,
      batchSize: 8,
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: 0,
      onFailure: stream("failed", { partitions: 1 }),
    },
  }),
])

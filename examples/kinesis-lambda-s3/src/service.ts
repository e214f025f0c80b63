/** What takes the place of the stream and the event source mapping on AWS: a stream, and the handler that it feeds. */
import { type FailedBatch, fn, service, stream } from "millrace"
import type { Quake } from "./quake.ts"

const quakes = stream<Quake>("quakes", { partitions: 4, key: ({ id }) => id })
const failed = stream<FailedBatch>("quakes-failed")

export default service("quake-archive", [
  fn("archive", "./archive.ts", {
    timeout: "30s",
    memory: 256,
    env: { BUCKET: process.env["BUCKET"] ?? "quakes" },
    on: {
      stream: quakes,
      batchSize: 100,
      maximumBatchingWindow: "1s",
      maximumRetryAttempts: 3,
      bisectBatchOnFunctionError: true,
      functionResponseTypes: ["ReportBatchItemFailures"],
      onFailure: failed,
    },
  }),
])

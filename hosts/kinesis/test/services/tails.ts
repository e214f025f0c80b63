import { fn, service, stream } from "millrace"

const env = { TAILED: process.env["MILLRACE_TEST_TAILED"] ?? "" }

export default service("tails", [
  // The stream is made over the API.
  fn("tail", "./tail.ts", { env, on: { stream: "made", batchSize: 7, parallelizationFactor: 2 } }),
  fn("seen", "./tail.ts", { env, on: { stream: stream("clicks", { partitions: 2 }) } }),
])

import { fn, service } from "millrace"

// The stream is made over the API.
export default service("tails", [
  fn("tail", "./tail.ts", { env: { TAILED: process.env["MILLRACE_TEST_TAILED"] ?? "" }, on: { stream: "made", batchSize: 7, parallelizationFactor: 2 } }),
])

import { fn, service } from "millrace"

const env = { TAILED: process.env["MILLRACE_TEST_TAILED"] ?? "" }

/** Reads the stream of another service, shard by shard. */
export default service("ride-tail", [fn("tail", "./tail.ts", { env, on: { stream: "rides", batchSize: 20, parallelizationFactor: 2 } })])

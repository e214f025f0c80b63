// A thread with a reader of its own: answers each message with the first value of the state.
import { parentPort, workerData } from "node:worker_threads"
import { openStateReader } from "../src/index.ts"

const reader = openStateReader(workerData as string)
parentPort?.on("message", () => {
  const [first] = reader.entries("s", 0, 0)
  parentPort?.postMessage(Buffer.from(first?.[1] ?? []).toString("utf8"))
})

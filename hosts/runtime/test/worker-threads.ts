// The threads that run user code in this process.
import { type Worker, setEnvironmentData } from "node:worker_threads"

const threads = new Set<Worker>()
process.on("worker", (worker) => {
  // Threads of the store and of the delivery have no limit to their heap.
  if (worker.resourceLimits?.maxYoungGenerationSizeMb !== 48) return
  threads.add(worker)
  worker.once("exit", () => threads.delete(worker))
})

const fuse = new Int32Array(new SharedArrayBuffer(4))
setEnvironmentData("fuse", fuse)

/** Ends one of the threads of the service "orders" after so many more calls of its functions, wherever that is. */
export function endThreadAfter(calls: number): void {
  Atomics.store(fuse, 0, calls)
}

export function threadCount(): number {
  return threads.size
}

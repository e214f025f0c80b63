// Tasks that do nothing, for benchmarks: one for each concurrency, and one that says how long its run waited to start.
import { service, task } from "millrace"

const ok = { ok: true }
const run = (): typeof ok => ok
export const drain1 = task("drain1", { concurrency: 1, run })
export const drain24 = task("drain24", { concurrency: 24, run })
export const drain100 = task("drain100", { concurrency: 100, run })
/** The input holds when it was due to be sent, on the clock of the machine, in ms. */
export const probe = task("probe", {
  concurrency: 100,
  run: (input: unknown) => ({ waited: performance.timeOrigin + performance.now() - (input as { readonly sent: number }).sent }),
})

export default service("noop", [drain1, drain24, drain100, probe])

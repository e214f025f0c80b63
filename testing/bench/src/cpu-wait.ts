/** How long a process's main thread has waited for a CPU: what a busy machine takes away from it, which its CPU time does not show. */
import { readFileSync } from "node:fs"

/** In seconds; 0 where the system does not tell (it is Linux's `schedstat`). */
export function cpuWaitSeconds(pid: number): number {
  try {
    const [, waited = "0"] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ")
    return Number(waited) / 1e9
  } catch {
    return 0
  }
}

// One task that holds its thread for ever, one that fills its heap, and two whose runs only wait.
import { service, task } from "@millrace/sdk"

const wait = async (ms: unknown): Promise<string> => {
  await new Promise((resolve) => setTimeout(resolve, Number(ms)))
  return "done"
}

const hasty = task("hasty", { retry: 1, timeout: "3s", run: wait })
const patient = task("patient", { retry: 1, run: wait })
const blocker = task("blocker", {
  retry: 1,
  timeout: "1s",
  run: () => {
    for (;;) Math.random()
  },
})

const filler = task("filler", {
  retry: 1,
  run: () => {
    // eslint-disable-next-line unicorn/no-new-array -- as user code has it
    for (const held: unknown[] = []; ; ) held.push(new Array(10_000).fill({ x: 1 }))
  },
})

export default service("blocking", [hasty, patient, blocker, filler])

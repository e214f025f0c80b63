// One task that holds its thread for ever, and two whose runs only wait.
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

export default service("blocking", [hasty, patient, blocker])

// A task whose code does not look at its inputs before it runs, and one whose key holds its worker for ever.
import { service, task } from "@millrace/sdk"

const echo = task("echo", { run: (input: unknown) => input })

const held = task("held", {
  key: () => {
    for (;;) Math.random()
  },
  run: () => null,
})

export default service("plain", [echo, held])

// A task that takes as long as its input says, one run at a time.
import { service, task } from "@millrace/sdk"
import { z } from "zod"

export const slow = task("slow", {
  input: z.object({ ms: z.number() }),
  concurrency: 1,
  async run({ ms }, ctx) {
    ctx.progress("begun")
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, ms)
      ctx.signal.addEventListener("abort", () => {
        clearTimeout(timer)
        reject(ctx.signal.reason as Error)
      })
    })
    return { attempt: ctx.attempt }
  },
})

/** Never listens. */
export const deaf = task("deaf", {
  async run(_, ctx) {
    ctx.progress("begun")
    return ctx.key === "" && new Promise((resolve) => setTimeout(resolve, 600_000, { attempt: ctx.attempt }))
  },
})

/** Calls another in its midst. */
export const calls = task("calls", {
  retry: 1,
  async run(input: unknown, ctx) {
    ctx.progress("begun")
    await new Promise((resolve) => setTimeout(resolve, 50))
    return slow.call(input as { ms: number })
  },
})

export default service("slow", [slow, deaf, calls])

// Tasks whose code does what its input says.
import { NonRetryableError, RetryAfter, service, stream, task } from "@millrace/sdk"
import { z } from "zod"

export interface Job {
  readonly seq: number
  readonly do?: "throw" | "give up" | "throw once" | "loop" | "exit" | "wait" | "wait for ever" | "bad output" | "call" | "tell" | "later"
}

const job = z.object({
  seq: z.number(),
  do: z.enum(["throw", "give up", "throw once", "loop", "exit", "wait", "wait for ever", "bad output", "call", "tell", "later"]).optional(),
})

export const double = task("double", {
  input: z.object({ n: z.number() }),
  output: z.object({ n: z.number() }),
  run: ({ n }) => ({ n: 2 * n }),
})

export const work = task("work", {
  description: "Does what its input says",
  input: job,
  output: z.object({ seq: z.number(), by: z.string() }),
  retry: { attempts: 2, backoff: { first: 20, jitter: false }, never: [RangeError] },
  timeout: { attempt: "4s" },
  async run(given, ctx) {
    const done = { seq: given.seq, by: `attempt ${ctx.attempt}` }
    ctx.log("doing", given)
    if (given.do === "later") console.debug("attempt %d", ctx.attempt)
    switch (given.do) {
      case "throw":
        throw new TypeError("as told")
      case "give up":
        throw new NonRetryableError("hopeless")
      case "throw once":
        if (ctx.attempt === 1) throw new Error("once")
        return done
      case "later":
        if (ctx.attempt === 1) throw new RetryAfter(50)
        return done
      case "loop":
        for (;;) Math.random()
      case "exit":
        return process.exit(3)
      case "wait":
        await new Promise((resolve) => setTimeout(resolve, 100))
        return done
      case "wait for ever":
        await new Promise((_, reject) => ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error)))
        return done
      case "bad output":
        return { seq: "no number" as unknown as number, by: "mistake" }
      case "call": {
        const { n } = await double.call({ n: given.seq })
        return { seq: n, by: "double" }
      }
      case "tell":
        ctx.progress({ half: true })
        ctx.stream("a piece")
        return done
      case undefined:
        return done
    }
  },
})

export const jobs = stream("jobs", { schema: job, key: ({ seq }) => String(seq), partitions: 2 })

export default service("working", [jobs.to(work), double, work.output.map(({ seq }) => ({ seq })).to(stream("done"))])

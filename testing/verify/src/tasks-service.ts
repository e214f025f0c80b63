// Tasks for the crash test: some calls fail at first, some take a moment, all give their number.
import { service, stream, task } from "millrace"
import { z } from "zod"

const job = z.object({ seq: z.number(), key: z.string() })

interface Job {
  readonly seq: number
  readonly key: string
}

const run = async ({ seq }: Job, ctx: { readonly attempt: number }): Promise<{ readonly seq: number }> => {
  if (seq % 10 === 0 && ctx.attempt === 1) throw new Error("the first attempt at every tenth fails")
  if (seq % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  return { seq }
}
const shared = { input: job, key: ({ key }: Job) => key, concurrency: { limit: 50, perKey: 4 }, retry: { attempts: 3, backoff: { first: "50ms", jitter: true } } } as const

/** Called over HTTP. */
export const called = task("called", { ...shared, run })
/** Fed by a stream. */
export const fed = task("fed", { ...shared, run })
export const jobs = stream<Job>("jobs", { key: ({ key }) => key, partitions: 2 })

export default service("crash", [called, jobs.to(fed)])

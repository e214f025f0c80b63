// The tasks of the workloads, on Millrace.
import { service, stream, task } from "millrace"
import { concurrencies, flakyRetry, type Input, type TaskName, taskNames, work } from "./work.ts"

function noop(name: TaskName) {
  const run = (input: unknown, ctx: { readonly attempt: number }): object | Promise<object> => work(name, input as Input, ctx.attempt)
  const concurrency = concurrencies[name]
  if (name === "keyed") return task(name, { concurrency: { limit: concurrency, perKey: 1 }, key: (input: unknown) => (input as Input).key ?? "", retry: 1, run })
  if (name !== "flaky") return task(name, { concurrency, run })
  const { attempts, firstMs, factor, mostMs } = flakyRetry
  return task(name, { concurrency, run, retry: { attempts, backoff: { first: `${firstMs}ms`, factor, most: `${mostMs}ms`, jitter: true } } })
}

export const tasks: Readonly<Record<TaskName, ReturnType<typeof noop>>> = Object.fromEntries(taskNames.map((name) => [name, noop(name)])) as Record<
  TaskName,
  ReturnType<typeof noop>
>

export interface Fed {
  readonly seq: number
  readonly sent: number
}
const fed = stream<Fed>("fed", { key: ({ seq }) => String(seq) })
const relay = task("relay", { concurrency: 100, run: (input: unknown) => input as Fed })

export default service("noop", [...Object.values(tasks), fed.to(relay)])

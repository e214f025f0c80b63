// A service that asks an HTTP server of the test about each record, and misbehaves when a record says so.
import { getEnvironmentData } from "node:worker_threads"
import { count, service, stream, tumbling } from "@millrace/sdk"

export interface Ask {
  readonly id: number
  readonly key: string
  readonly fault?: Fault
}

/** What to do wrong, at once or once the server has answered. */
export type Fault = "hang" | "hang after" | "exit after" | "throw later" | "reject later"

export interface Answered {
  readonly id: number
  readonly key: string
  readonly answer: string
}

const { MILLRACE_TEST_PORT: port, MILLRACE_TEST_TIMEOUT: timeout = "1m" } = process.env
/** Calls under way in all threads, and the most that there were; a test may want to know. */
const calls = (getEnvironmentData("calls") as Int32Array | undefined) ?? new Int32Array(2)

function asked(id: number, signal: AbortSignal): Promise<Response> {
  const underWay = Atomics.add(calls, 0, 1) + 1
  if (underWay > Atomics.load(calls, 1)) Atomics.store(calls, 1, underWay)
  let ended = false
  const end = (): void => {
    if (!ended) Atomics.sub(calls, 0, 1)
    ended = true
  }
  // At once: the place of a call that has taken too long is another's before its promise is settled.
  signal.addEventListener("abort", end)
  return fetch(`http://127.0.0.1:${port}/${id}`, { signal }).finally(end)
}

const at = (id: number): number => 1_700_000_000_000 + id

const asks = stream<Ask>("asks", { partitions: 2, key: ({ key }) => key, time: ({ id }) => at(id), outOfOrder: "1h" })
const answers = stream<Answered>("answers", { partitions: 2, key: ({ key }) => key, time: ({ id }) => at(id), outOfOrder: "1h" })
const counts = stream<{ key: string; n: number }>("counts", { partitions: 1, key: ({ key }) => key, time: () => at(0), outOfOrder: "1h" })

const answered = asks.mapAsync(
  "ask",
  async ({ id, key, fault }, { signal }): Promise<Answered> => {
    if (fault === "hang") for (;;) Math.random()
    if (fault === "throw later") {
      setTimeout(() => {
        throw new Error("made by the call, later")
      }, 1)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    if (fault === "reject later") {
      void Promise.reject(new Error("made by the call, later"))
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const response = await asked(id, signal)
    if (!response.ok) throw new Error(`the server answered ${response.status}`)
    const answer = await response.text()
    if (fault === "hang after") for (;;) Math.random()
    if (fault === "exit after") process.exit(3)
    return { id, key, answer }
  },
  { concurrency: 20, capacity: 50, timeout: timeout as "1m", retry: { attempts: 2, backoff: { first: 20 } } },
)

export default service("asking", [
  answered.to(answers),
  answered.window("per-hour", tumbling("1h")).aggregate({ n: count() }).map(({ key, n }) => ({ key, n })).to(counts),
])

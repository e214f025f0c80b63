/** What both ways to run Millrace do over HTTP: pausing and resuming tasks, counting runs, reading outputs. */
import { connect } from "millrace/client"
import type { Queue } from "./queue.ts"

export interface OverHttp extends Pick<Queue, "pause" | "resume" | "succeeded" | "waits"> {
  readonly client: ReturnType<typeof connect>
  /** The values of a stream that were not read before. */
  news<Value>(stream: string): Promise<Value[]>
}

export function overHttp(url: string): OverHttp {
  const client = connect(url)
  /** What of a stream has not been read yet. */
  const places = new Map<string, string>()
  const news = async <Value>(stream: string): Promise<Value[]> => {
    const values: Value[] = []
    const { partitions } = await client.stream(stream)
    for (let partition = 0; partition < partitions; partition++) {
      const place = `${stream} ${partition}`
      for (;;) {
        const page = await client.read<Value>(stream, { partition, from: places.get(place) ?? "0", limit: 10_000 })
        for (const { value } of page.records) values.push(value)
        places.set(place, String(page.next))
        if (page.next >= page.end) break
      }
    }
    return values
  }
  const waits = { probe: [] as number[], late: [] as number[] }
  return {
    client,
    news,
    pause: (task) => client.pause(task),
    resume: (task) => client.resume(task),
    async succeeded(task) {
      return (await client.tasks()).find(({ name }) => name === task)?.counts.succeeded ?? 0
    },
    async waits(task) {
      for (const { waited } of await news<{ readonly waited: number }>(`${task}.output`)) waits[task].push(waited)
      return waits[task]
    },
  }
}

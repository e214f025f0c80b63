/** What a node has for whoever has just started it: its streams, tasks, functions and tables with their addresses, and where files go, a line each. */
import type { Client } from "./client.ts"
import type { SinkStatus } from "./node.ts"

/** More of one kind are counted, not listed. */
const listedMost = 12

export async function overview(client: Client, url: string, sinks: readonly SinkStatus[]): Promise<readonly string[]> {
  const [streams, tasks, functions, tables] = await Promise.all([client.streams(), client.tasks(), client.functions(), client.tables()])
  return [
    ...listed("takes", streams.filter(({ role }) => role === "source").map(({ name }) => [name, `POST ${url}/v1/streams/${name}/records`])),
    ...listed("gives", streams.filter(({ role }) => role === "derived").map(({ name }) => [name, `GET ${url}/v1/streams/${name}/live`])),
    ...listed("task", tasks.map(({ name }) => [name, `POST ${url}/v1/tasks/${name}/runs`])),
    ...listed("function", functions.map(({ name, stream, routes = [] }) => [name, routeOf(url, name, stream, routes)])),
    ...listed("table", tables.map(({ name }) => [name, `GET ${url}/v1/tables/${name}`])),
    ...listed("files", sinks.map((sink) => [sink.sink, `${sink.place}, ${sink.format}; a file appears ${whenFull(sink)}`])),
  ]
}

/** When the file that is being filled appears. */
export function whenFull({ roll: { bytes, everyMs, watermarkMs } }: SinkStatus): string {
  const byTime = watermarkMs === 0 ? "" : `, when event time has passed ${watermarkMs === 3_600_000 ? "an hour" : watermarkMs === 86_400_000 ? "a day" : `a multiple of ${period(watermarkMs)}`}`
  return `${period(everyMs)} after its first row${byTime}, at ${size(bytes)}, or when its stream ends`
}

function listed(kind: string, lines: readonly (readonly [name: string, what: string])[]): readonly string[] {
  const shown = lines.slice(0, listedMost).map(([name, what]) => `  ${kind.padEnd(8)}  ${name.padEnd(16)}  ${what}`)
  return lines.length > listedMost ? [...shown, `  ${kind.padEnd(8)}  and ${lines.length - listedMost} more`] : shown
}

function routeOf(url: string, name: string, stream: string | undefined, routes: readonly string[]): string {
  if (routes.length > 0) return routes.map((route) => route.replace("/", `${url}/`)).join(", ")
  const called = `millrace fn invoke ${name}`
  return stream === undefined ? called : `fed from ${stream}; ${called}`
}

const periods = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
] as const

function period(ms: number): string {
  const [unit, word] = periods.find(([each]) => ms >= each) ?? [1, "ms"]
  return `${Number((ms / unit).toFixed(1))} ${word}`
}

function size(bytes: number): string {
  return bytes >= 1_048_576 ? `${Number((bytes / 1_048_576).toFixed(1))} MB` : `${Number((bytes / 1_024).toFixed(1))} KB`
}

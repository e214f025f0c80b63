/** Where reading begins, as the parameter `from` says it. */
import { MillraceError, type StreamPlan } from "@millrace/model"
import { parsePosition } from "@millrace/protocol"
import type { From } from "./node.ts"

/**
 * `from` for one partition: `earliest`, `latest`, an offset or a time.
 *
 * @throws MR1009
 */
export function parsePageFrom(text: string | undefined, partition: number): From {
  if (text === undefined) return { kind: "earliest" }
  const offsets = parsePosition(text)
  if (offsets?.length === 1) return { kind: "offsets", offsets: new Map([[partition, offsets[0] as number]]) }
  return parseEndOrTime(text) ?? refuse(text, `"earliest", "latest", an offset, or a time such as 2026-11-21T08:00:00Z`)
}

/**
 * `from` for all partitions: `earliest`, `latest`, a position or a time.
 *
 * @param what - how the error calls it: `from` or `Last-Event-ID`
 * @throws MR1009
 */
export function parseLiveFrom(text: string | undefined, stream: StreamPlan, what = "from"): From {
  if (text === undefined) return { kind: "latest" }
  const offsets = parsePosition(text)
  if (offsets === undefined)
    return (
      parseEndOrTime(text) ??
      refuse(text, `"earliest", "latest", a position, or a time such as 2026-11-21T08:00:00Z`, what)
    )
  // One from before the stream was resharded has fewer: all of the shards that came since is new.
  const least = stream.partitionsAtFirst ?? (stream.format === "bytes" ? 1 : stream.partitions)
  if (offsets.length < least || offsets.length > stream.partitions) {
    refuse(
      text,
      `a position in ${stream.name}: that is ${stream.partitions} offset(s), one for each partition, joined by dots`,
      what,
    )
  }
  return { kind: "offsets", offsets: new Map(offsets.entries()) }
}

function parseEndOrTime(text: string): From | undefined {
  if (text === "earliest" || text === "latest") return { kind: text }
  // In a query a bare + means a space: "…T08:00:00+02:00" arrives as "…T08:00:00 02:00".
  const time = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:?\d{2})?)?$/.test(text.replace(" ", "+"))
    ? Date.parse(text.replace(" ", "+"))
    : Number.NaN
  return Number.isNaN(time) ? undefined : { kind: "time", time }
}

function refuse(text: string, expected: string, what = "from"): never {
  throw new MillraceError("MR1009", `${what}: ${JSON.stringify(text.slice(0, 200))} is not ${expected}.`, {
    parameter: what,
  })
}

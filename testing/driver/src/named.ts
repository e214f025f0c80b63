/** Finds the stream that a test means, whatever it names it by: the stream, an outlet, a sink, or a name. */
import { MillraceError, type StreamPlan } from "@millrace/model"
import type { Keying, Outlet, Stream, Target } from "@millrace/sdk"
import type { Works } from "./works.ts"

/** What names a stream or sink. */
export type Named = string | Stream<never, unknown, Keying> | Outlet | Target<never>

/** The stream, or the rows on their way to the sink. @throws MR1008 */
export function streamNamed(works: Works, of: Named): StreamPlan {
  const { streams, sinks } = works.program.plan
  if (typeof of === "string") {
    const sink = streams.some(({ name }) => name === of) ? undefined : sinks.find(({ name }) => name === of)
    return works.stream(sink?.stream ?? of)
  }
  const target = "~outlet" in of ? of["~outlet"].target : of["~target"]
  if (target.kind === "stream") return works.stream(target.name)
  const sink = sinks.find(({ name }) => name === target.name)
  if (sink !== undefined) return works.stream(sink.stream)
  const message = `There is no sink ${JSON.stringify(target.name)} in service ${JSON.stringify(works.program.plan.service)}; give its outlet to service(…).`
  throw new MillraceError("MR1008", message, { sink: target.name })
}

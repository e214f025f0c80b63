/** A table whose changes follow each other less often: those of a row that come close together become one. Made of a process. */
import { type Duration, MillraceError, type ProcessContext } from "@millrace/model"
import type { Origin, StatefulDefinition } from "../definition.ts"
import { checkedMs, checkedName, checkKeys } from "../setting.ts"
import { processDefinition } from "./process.ts"

/** How long changes of a row are held back. */
export interface SuppressOptions {
  /** Changes of a row less than this after the first of them become one, which comes when the time is over. */
  readonly within: Duration
  /** Whether the time is that of events, so that the same records give the same changes, or the clock's. @default "event" */
  readonly time?: "event" | "processing"
}

/** What is held back for a row: as it was when its last change was told, and as it is now. */
type Held = [old: unknown, now: unknown] | null

export function suppressDefinition(name: string, from: Origin, options: SuppressOptions): StatefulDefinition {
  const what = `suppress ${JSON.stringify(checkedName(name, "suppress"))}`
  checkKeys(options, ["within", "time"], what)
  const ms = checkedMs(options.within, `${what}, within`, 1)
  const { time = "event" } = options
  if (time !== "event" && time !== "processing") {
    throw new MillraceError("MR1101", `${what}, time: ${JSON.stringify(time)} is neither "event" nor "processing".`, { given: time })
  }
  const onRecord = ([old, now]: readonly [unknown, unknown], ctx: ProcessContext<Held>): void => {
    if (ctx.state !== null) {
      ctx.state[1] = now
      return
    }
    ctx.state = [old, now]
    if (time === "processing") ctx.setClockTimer(ctx.now + ms)
    else ctx.setTimer(Math.max(ctx.time, ctx.watermark) + ms)
  }
  function* onTime(ctx: ProcessContext<Held>): Iterable<Held> {
    const held = ctx.state
    ctx.clear()
    // A row that came and went meanwhile was never told.
    if (held !== null && (held[0] !== undefined || held[1] !== undefined)) yield held
  }
  const parts = { state: (): Held => null, ...(time === "processing" ? { onClockTimer: onTime } : { onTimer: onTime }) }
  return processDefinition(name, [{ from }], parts, onRecord, what).definition
}

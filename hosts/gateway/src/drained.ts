/** Waits for a reader of events to take what was written. */
import { limits } from "@millrace/model"
import type { Outgoing } from "./answer.ts"
import type { Clock } from "./clock.ts"

/** Resolves once there is room for more, or the reader has gone; one that takes nothing for `limits.liveStallMsMax` is cut off. */
export function drained(outgoing: Outgoing, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel()
      outgoing.removeListener("drain", done)
      outgoing.removeListener("close", done)
      resolve()
    }
    const cancel = clock.after(limits.liveStallMsMax, () => {
      done()
      outgoing.destroy()
    })
    outgoing.once("drain", done)
    outgoing.once("close", done)
  })
}

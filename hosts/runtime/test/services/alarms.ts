// Timers of many keys for one moment, one of which never comes back.
import { service, stream } from "@millrace/sdk"

export interface Wish {
  readonly key: string
  readonly at: number
  /** Sets a timer: by event time for 5 s, or by the clock, which is past that. */
  readonly by?: "event" | "clock"
  readonly blocks?: boolean
}

const wishes = stream<Wish>("wishes", { key: ({ key }) => key, time: ({ at }) => at, partitions: 2 })
const rung = stream<{ key: string }>("rung", { key: ({ key }) => key, partitions: 2 })

function* ring(key: string, blocks: boolean): Iterable<{ key: string }> {
  while (blocks);
  yield { key }
}

const alarms = wishes.process("alarms", {
  state: () => ({ blocks: false }),
  onRecord: ({ by, blocks = false }, ctx) => {
    if (by !== undefined) ctx.state.blocks = blocks
    if (by === "event") ctx.setTimer(5_000)
    else if (by === "clock") ctx.setClockTimer(5_000)
  },
  onTimer: (ctx) => ring(ctx.key, ctx.state.blocks),
  onClockTimer: (ctx) => ring(ctx.key, ctx.state.blocks),
})

export default service("alarms", [alarms.to(rung)])

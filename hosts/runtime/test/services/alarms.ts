// What comes due for many keys at one moment, timers and windows, one of which brings its worker down.
import { count, service, stream, tumbling } from "@millrace/sdk"

export interface Wish {
  readonly key: string
  readonly at: number
  /** A timer by event time for 5 s, or by the clock, which is past that; or a window of 5 s. */
  readonly by?: "event" | "clock" | "window"
  /** What its code does then. */
  readonly fault?: Fault
}

type Fault = "hang" | "exit"

const wishes = stream<Wish>("wishes", { key: ({ key }) => key, time: ({ at }) => at, partitions: 2 })
const rung = stream<{ key: string }>("rung", { key: ({ key }) => key, partitions: 2 })

function ring(key: string, fault: Fault | undefined): { key: string } {
  while (fault === "hang");
  if (fault === "exit") process.exit(3)
  return { key }
}

const alarms = wishes.process("alarms", {
  state: (): { fault?: Fault } => ({}),
  onRecord: ({ by, fault }, ctx) => {
    if (fault !== undefined) ctx.state.fault = fault
    if (by === "event") ctx.setTimer(5_000)
    else if (by === "clock") ctx.setClockTimer(5_000)
  },
  onTimer: (ctx) => [ring(ctx.key, ctx.state.fault)],
  onClockTimer: (ctx) => [ring(ctx.key, ctx.state.fault)],
})

const counted = wishes
  .filter(({ by }) => by === "window")
  .window("counted", tumbling("5s"))
  .aggregate({ wishes: count() })
  // A key says by its name what its window does.
  .map(({ key }) => ring(key, key.endsWith("hangs") ? "hang" : undefined))

export default service("alarms", [alarms.to(rung), counted.to(rung)])

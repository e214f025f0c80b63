// A store that cannot give what it holds: nobody's record is to blame.
import assert from "node:assert/strict"
import { it } from "node:test"
import type { StateReader } from "@millrace/engine"
import { keepValue, service, stream } from "@millrace/sdk"
import { Rig } from "./rig.ts"
import { StageMachine } from "../src/machine.ts"

const seen = stream<{ k: string }>("in", { partitions: 1, key: ({ k }) => k })
const out = stream<{ k: string; n: number }>("out", { partitions: 1 })

/** Counts; `catches`: user code goes on when its state cannot be read. */
function counting(catches: boolean): ReturnType<typeof service> {
  return service("s", [
    seen
      .process("count", {
        state: () => null,
        keeps: { n: keepValue<number>() },
        *onRecord({ k }, ctx) {
          let n = 1
          try {
            n = (ctx.keeps.n.get() ?? 0) + 1
          } catch (error) {
            if (!catches) throw error
          }
          ctx.keeps.n.set(n)
          yield { k, n }
        },
      })
      .to(out),
  ])
}

function without(catches: boolean): () => Promise<void> {
  return async () => {
    const rig = await Rig.open(counting(catches))
    rig.produce("in", [{ k: "a" }, { k: "b" }])
    const seat = rig.seat("in")
    await rig.take(seat)
    rig.produce("in", [{ k: "c" }, { k: "a" }])
    const bad: StateReader = {
      ...rig.store.state,
      buckets: (scope, partition) => rig.store.state.buckets(scope, partition),
      get: () => {
        throw new Error("a flipped bit")
      },
      entries: (scope, partition, bucket, range) => {
        if (!scope.includes("count")) return rig.store.state.entries(scope, partition, bucket, range)
        throw new Error("a flipped bit")
      },
    }
    await rig.store.fold()
    seat.machine = new StageMachine(rig.program, "in", 0, bad, 0)
    await assert.rejects(rig.take(seat), /the state could not be read/)
    await rig.restart(seat)
    await rig.take(seat)
    assert.deepEqual(await rig.values("out"), [{ k: "a", n: 1 }, { k: "b", n: 1 }, { k: "c", n: 1 }, { k: "a", n: 2 }])
    assert.deepEqual(await rig.values("in.dead-letter"), [])
  }
}

it("a state that cannot be read ends the step without a dead letter, whatever user code threw", without(false))
it("a state that cannot be read ends the step without a dead letter, though user code caught it", without(true))

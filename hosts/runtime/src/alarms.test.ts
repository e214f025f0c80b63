// Of much that comes due at one moment, one step hangs its worker: it alone is a dead letter. Real worker threads, a real directory.
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import path from "node:path"
import { describe, it } from "node:test"
import type { DeadLetter } from "@millrace/engine"
import { limits } from "@millrace/model"
import { figure, hanging, idle, openNode, scratch, send, serviceFile, until, valuesOf } from "../test/bench.ts"
import type { Wish } from "../test/services/alarms.ts"
import type { Node } from "./node.ts"

const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)
const culprit = "k7"
/** Moves the watermark of each partition past the timers. */
const later = keys.map((key): Wish => ({ key: `later-${key}`, at: 10_000 }))

function wishesOf(by: "event" | "clock"): Wish[] {
  return [...keys.map((key): Wish => ({ key, at: 0, by, blocks: key === culprit })), ...later]
}

async function assertOneLost(node: Node, by: "event" | "clock"): Promise<void> {
  const rung = await valuesOf<{ key: string }>(node, "rung")
  assert.deepEqual(rung.map(({ key }) => key).toSorted(), keys.filter((key) => key !== culprit).toSorted())
  const letters = await valuesOf<DeadLetter>(node, "wishes.dead-letter")
  const timer = "1970-01-01T00:00:05.000Z"
  assert.deepEqual(
    letters.map(({ key, operator, attempts, error, value }) => [key, operator, attempts, error.code, value]),
    [[culprit, "alarms", limits.workerDeathsMax, "MR1202", by === "event" ? { timer } : { clockTimer: timer }]],
  )
}

describe("of fifty timers of one moment, the one that hangs is a dead letter and the others ring", () => {
  for (const [by, workers] of [["event", 1], ["event", 2], ["clock", 1]] as const) it(`by ${by}, workers: ${workers}`, async (t) => {
    const { node } = await openNode(t, ["alarms"], { bounds: hanging, workers })
    await send(node, "wishes", wishesOf(by))
    // A node is idle before the clock has come to its timers.
    await until("a timer has become a dead letter", () => figure(node, "millrace_stage_dead_letters_total") > 0)
    await idle(node)
    await assertOneLost(node, by)
    // The first time, nobody had seen which.
    assert.equal(figure(node, "millrace_workers_replaced_total"), limits.workerDeathsMax + 1)
  })
})

it("a node that is killed with the worker that a timer held loses that timer alone", async (t) => {
  const dir = scratch(t)
  const body = wishesOf("event").map((wish) => JSON.stringify(wish)).join("\n")
  const script = path.join(import.meta.dirname, "../test/crash-alarms.ts")
  const child = spawn(process.execPath, ["--conditions=@millrace/source", script, dir, serviceFile("alarms"), "2", body], { stdio: ["ignore", "ignore", "inherit"] })
  const [, signal] = (await once(child, "exit")) as [number | null, string | null]
  assert.equal(signal, "SIGKILL")
  const { node } = await openNode(t, ["alarms"], { dir, bounds: hanging })
  await idle(node)
  await assertOneLost(node, "event")
})

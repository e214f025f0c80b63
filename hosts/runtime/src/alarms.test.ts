// Of much that comes due at one moment, one step brings its worker down: it alone is a dead letter. Real worker threads, a real directory.
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

type By = NonNullable<Wish["by"]>

const culprit = "k7 hangs"
const keys = [culprit, ...Array.from({ length: 49 }, (_, i) => `k${i + 50}`)]
/** Moves the watermark of each partition past what is due. */
const later = keys.map((key): Wish => ({ key: `later ${key}`, at: 10_000 }))
const due = "1970-01-01T00:00:05.000Z"

function wishesOf(by: By, fault: "hang" | "exit" = "hang"): Wish[] {
  return [...keys.map((key): Wish => ({ key, at: 0, by, ...(key === culprit ? { fault } : {}) })), ...later]
}

async function assertOneLost(node: Node, by: By, code: string): Promise<void> {
  const rung = await valuesOf<{ key: string }>(node, "rung")
  assert.deepEqual(rung.map(({ key }) => key).toSorted(), keys.slice(1).toSorted())
  const letters = await valuesOf<DeadLetter>(node, "wishes.dead-letter")
  const value = { event: { timer: due }, clock: { clockTimer: due }, window: { key: culprit, start: "1970-01-01T00:00:00.000Z", end: due } }[by]
  assert.deepEqual(
    letters.map((letter) => [letter.key, letter.operator, letter.attempts, letter.error.code, letter.value]),
    [[culprit, by === "window" ? "counted" : "alarms", limits.workerDeathsMax, code, value]],
  )
}

describe("of fifty steps of one moment, the one that brings its worker down is a dead letter and the others are done", () => {
  const ways = [
    ["event", 1, "hang", "MR1202"],
    ["event", 2, "hang", "MR1202"],
    ["event", 2, "exit", "MR1204"],
    ["clock", 1, "hang", "MR1202"],
    ["window", 2, "hang", "MR1202"],
  ] as const
  for (const [by, workers, fault, code] of ways) it(`by ${by}, workers: ${workers}, ${fault}`, async (t) => {
    const { node } = await openNode(t, ["alarms"], { bounds: fault === "hang" ? hanging : {}, workers })
    await send(node, "wishes", wishesOf(by, fault))
    // A node is idle before the clock has come to its timers.
    await until("a step has become a dead letter", () => figure(node, "millrace_stage_dead_letters_total") > 0)
    await idle(node)
    await assertOneLost(node, by, code)
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
  await assertOneLost(node, "event", "MR1202")
})

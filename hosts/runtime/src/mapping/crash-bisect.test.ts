// A node killed within bisects, at a depth and a moment that a seed decides: nothing acknowledged is lost, each key's order is kept, only what
// cannot be taken is given up, and no position is ahead of what was taken.
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import fs from "node:fs"
import path from "node:path"
import { createInterface } from "node:readline"
import { test } from "node:test"
import { fileURLToPath } from "node:url"
import type { FailedBatch } from "@millrace/model"
import fc from "fast-check"
import { idle, openNode, scratch, valuesOf } from "../../test/bench.ts"
import { isPoison } from "../../test/poison.ts"

const script = fileURLToPath(new URL("../../test/crash-bisect.ts", import.meta.url))

/** What the function has written down. */
type Note =
  | { readonly at: "begins" | "fails" | "ends"; readonly ns: readonly number[] }
  | { readonly at: "holds"; readonly moment: string; readonly ns: readonly number[] }
  | { readonly at: "takes"; readonly key: string; readonly n: number }

/** Of a half: before a record is taken, amid them, with all taken and none confirmed, before it fails, and when it has been split itself. */
const moments = ["before", "amid", "taken", "failing", "split"]
const sizes = [1, 2, 4, 2, 4]

/** Each moment once, each depth of a batch of eight at least once; one record alone has no middle and is not split. */
const kills = fc
  .shuffledSubarray(moments, { minLength: moments.length })
  .filter(([alone = ""]) => alone !== "amid" && alone !== "split")
  .map((those) => those.map((moment, i) => `${moment} ${sizes[i]}`))
  .chain((those) => fc.shuffledSubarray(those, { minLength: those.length }))

function notesOf(file: string): Note[] {
  const lines = fs.readFileSync(file, "utf8").split("\n")
  return lines.filter((line) => line.endsWith("}")).map((line) => JSON.parse(line) as Note)
}

/** The largest batch that has failed and of which these records are a part. */
function wholeOf(notes: readonly Note[], part: readonly number[]): readonly number[] | undefined {
  const failed = notes.flatMap((note) => (note.at === "fails" ? [note.ns] : []))
  const wholes = failed.filter((ns) => ns.length > part.length && part.every((n) => ns.includes(n)))
  return wholes.toSorted((a, b) => b.length - a.length)[0]
}

/** Records that are done: of a batch that the function has taken, or alone in one that has failed. */
function doneOf(notes: readonly Note[]): ReadonlySet<number> {
  return new Set(notes.flatMap((note) => (note.at === "ends" || (note.at === "fails" && note.ns.length === 1) ? note.ns : [])))
}

test("a node killed within a bisect loses nothing, keeps each key's order, and gives up only what cannot be taken", { timeout: 300_000 }, async (t) => {
  const dir = scratch(t)
  const file = path.join(dir, "calls.log")
  fs.writeFileSync(file, "")
  const seed = 20_261_121
  const [plan = []] = fc.sample(kills, { seed, numRuns: 1 })
  t.diagnostic(`seed ${seed}: ${plan.join(", ")}`)
  let acknowledged = 0
  let before: { readonly notes: readonly Note[]; readonly whole: readonly number[]; readonly hold: string } | undefined
  for (const [run, hold] of [...plan, "never"].entries()) {
    const child = spawn(process.execPath, ["--conditions=@millrace/source", script, path.join(dir, "data"), String(acknowledged), String(32 + 16 * run)], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, MILLRACE_TEST_CALLS: file, MILLRACE_TEST_HOLD: hold },
    })
    t.after(() => child.kill("SIGKILL"))
    const exited = once(child, "exit")
    let last = ""
    for await (const line of createInterface({ input: child.stdout })) {
      last = line
      if (line === "held" || line === "idle") break
      acknowledged = Number(line)
    }
    child.kill("SIGKILL")
    await exited
    assert.equal(last, hold === "never" ? "idle" : "held", `run ${run}, ${hold}`)
    const notes = notesOf(file)
    if (before !== undefined) {
      const next = notes.slice(before.notes.length).find(({ at }) => at === "begins")
      const done = doneOf(before.notes)
      const undone = before.whole.filter((n) => !done.has(n))
      assert.ok(next?.at === "begins", `nothing was invoked after the kill at ${before.hold}`)
      assert.ok(Math.min(...next.ns) <= Math.min(...undone), `after the kill at ${before.hold} ${next.ns.join()} came first, and of ${undone.join()} nothing was done`)
      assert.ok(next.ns.every((n) => before?.whole.includes(n)), `after the kill at ${before.hold} the bisect of ${before.whole.join()} went on with ${next.ns.join()}`)
    }
    if (hold === "never") break
    // That it was within the bisect: a part of a batch that had failed was under way or had just failed itself, so the batch was not done.
    const part = notes.findLast((note) => note.at === "begins")
    assert.ok(part?.at === "begins" && part.ns.length === Number(hold.split(" ")[1]), hold)
    const whole = wholeOf(notes, part.ns)
    assert.ok(whole !== undefined, `${hold}: ${part.ns.join()} was no part of a batch that had failed`)
    assert.ok(!part.ns.some((n) => doneOf(notes).has(n)), `${hold}: ${part.ns.join()} was done`)
    before = { notes, whole, hold }
  }
  const { node } = await openNode(t, ["bisected"], { dir })
  await idle(node)
  const all = Array.from({ length: acknowledged }, (_, n) => n)
  assert.equal(acknowledged, 32 + 16 * plan.length)
  const failed = await valuesOf<FailedBatch>(node, "failed")
  const given = failed.map(({ payload }) => payload.Records.map(({ kinesis }) => (JSON.parse(Buffer.from(kinesis.data, "base64").toString()) as { n: number }).n))
  assert.deepEqual(given, all.filter(isPoison).map((n) => [n]), "each record that cannot be taken is given up once, alone, and no other is")
  const first = new Map<number, string>()
  for (const note of notesOf(file)) if (note.at === "takes" && !first.has(note.n)) first.set(note.n, note.key)
  assert.deepEqual([...first.keys()].toSorted((a, b) => a - b), all.filter((n) => !isPoison(n)), "all others are taken")
  for (const key of ["key 0", "key 1", "key 2"]) {
    const ns = [...first].flatMap(([n, of]) => (of === key ? [n] : []))
    assert.deepEqual(ns, ns.toSorted((a, b) => a - b), `orders of ${key} are first taken in their order`)
  }
})

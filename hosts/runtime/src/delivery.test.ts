// Files on their way out: places that fail, files that cannot be made, crashes in between.
import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import { it } from "node:test"
import { mounted } from "@millrace/conformance"
import { figure, idle, openNode, scratch, send, serviceFile, statusOf, until } from "../test/bench.ts"
import type { Line } from "../test/services/lines.ts"

/** Every file under a directory with the hash of its bytes. */
function hashes(dir: string): Record<string, string> {
  const names = fs.existsSync(dir) ? fs.readdirSync(dir, { recursive: true, encoding: "utf8" }) : []
  const files = names.filter((name) => !name.startsWith(".tmp") && fs.statSync(path.join(dir, name)).isFile())
  return Object.fromEntries(files.toSorted().map((name) => [name, createHash("sha256").update(fs.readFileSync(path.join(dir, name))).digest("hex")]))
}

function linesOf(count: number, from = 0): Line[] {
  return Array.from({ length: count }, (_, i) => ({ id: `line-${from + i}`, v: from + i }))
}

const sinkOf = (node: Parameters<typeof statusOf>[0]) => statusOf(node).sinks[0] ?? assert.fail("no sink")

it("a place that fails is tried again, each time later, and gets the same bytes once it recovers, also after a restart", async (t) => {
  const plain = await openNode(t, ["lines"])
  await send(plain.node, "lines", linesOf(200))
  await plain.node.end("lines")
  await idle(plain.node)
  const wanted = hashes(path.join(plain.dir, "out"))
  assert.ok(Object.keys(wanted).length > 2)

  const disk = mounted(t, "size=8m")
  if (disk === undefined) return
  const { node, dir, said } = await openNode(t, ["lines"], { outDir: disk.dir })
  disk.remount("ro")
  await send(node, "lines", linesOf(200))
  await node.end("lines")
  const waits = () => said.flatMap(({ facts }) => (facts["number"] === 0 && typeof facts["retryInMs"] === "number" ? [facts["retryInMs"]] : []))
  await until("the first file has been tried four times", () => waits().length >= 4)
  assert.deepEqual(waits().slice(0, 4), [20, 40, 80, 160])
  assert.equal(sinkOf(node).error?.code, "MR1501")
  assert.equal(sinkOf(node).pending, Object.keys(wanted).length)
  assert.equal(figure(node, "millrace_sink_files_pending"), Object.keys(wanted).length)
  assert.ok(figure(node, "millrace_sink_delivery_failures_total") >= 4)
  assert.equal(node.status().idle, false)
  assert.equal(node.unready, undefined)
  await node.close()

  const { node: again } = await openNode(t, ["lines"], { dir, outDir: disk.dir })
  await until("the files are tried again", () => sinkOf(again).failures > 0)
  disk.remount("rw")
  await idle(again)
  assert.deepEqual(hashes(disk.dir), wanted)
  const { pending, error, delivered, rows } = sinkOf(again)
  assert.deepEqual([pending, error, delivered, rows], [0, undefined, Object.keys(wanted).length, 200])
})

it("rows of a file that is not full yet are told, also after a restart", async (t) => {
  const { node, dir } = await openNode(t, ["lines"])
  await send(node, "lines", linesOf(3))
  await until("the rows are processed", () => node.status().idle)
  const { open, delivered, rows, place, format } = sinkOf(node)
  assert.deepEqual([open, delivered, rows, format], [3, 0, 0, "parquet"])
  assert.equal(place, path.join(dir, "out", sinkOf(node).sink))
  assert.equal(figure(node, "millrace_sink_rows_open"), 3)
  await node.close()

  const { node: again } = await openNode(t, ["lines"], { dir })
  assert.equal(sinkOf(again).open, 3)
  await send(again, "lines", linesOf(2, 3))
  await again.end("lines")
  await idle(again)
  assert.deepEqual([sinkOf(again).open, sinkOf(again).rows], [0, 5])
  await again.close()

  const { node: last } = await openNode(t, ["lines"], { dir })
  assert.equal(sinkOf(last).open, 0)
})

it("a file that its sink's definition cannot carry out waits for a deployment, and is told of until then", async (t) => {
  const { node, dir } = await openNode(t, ["lines"])
  await send(node, "lines", linesOf(10).map((line) => ({ ...line, v: "text" })))
  await send(node, "lines", linesOf(300))
  await node.end("lines")
  await until("all other files are delivered", () => sinkOf(node).pending === 1)
  const { failures, error, delivered } = sinkOf(node)
  assert.deepEqual([failures, error?.code], [1, "MR1502"])
  assert.ok(delivered > 2)
  await node.deploy([serviceFile("lines-mended")])
  await idle(node)
  assert.deepEqual([sinkOf(node).pending, sinkOf(node).error, sinkOf(node).rows], [0, undefined, 310])
  assert.equal(Object.keys(hashes(path.join(dir, "out"))).length, delivered + 1)
})

it("a crash between a file and the commit that notes it puts the same bytes under the same name again", async (t) => {
  const dir = scratch(t)
  const script = path.join(import.meta.dirname, "../test/crash-after-put.ts")
  const crashed = spawnSync(process.execPath, ["--conditions=@millrace/source", script, dir, serviceFile("lines")], { encoding: "utf8", timeout: 60_000, killSignal: "SIGTERM" })
  assert.equal(crashed.signal, "SIGKILL", crashed.stderr)
  const before = hashes(path.join(dir, "out"))
  assert.ok(Object.keys(before).length > 0)
  const { node } = await openNode(t, ["lines"], { dir })
  // The crash left them decided and not noted: they are put once more.
  await idle(node)
  const after = hashes(path.join(dir, "out"))
  for (const [name, hash] of Object.entries(before)) assert.equal(after[name], hash, name)
  assert.ok(sinkOf(node).delivered >= Object.keys(before).length)
})

it("data is removed once no stage, no file and no retention wants it, and not before", async (t) => {
  const disk = mounted(t, "size=8m")
  if (disk === undefined) return
  const bounds = { segmentBytes: 20_000, checkpointBytes: 10_000, sweepMs: 20 }
  const { node, dir } = await openNode(t, ["lines"], { outDir: disk.dir, bounds })
  const journal = path.join(dir, "data", "journal")
  const segments = () => fs.readdirSync(journal).filter((name) => !name.endsWith(".index") && name !== "durable").length
  disk.remount("ro")
  for (let i = 0; i < 40; i++) await send(node, "lines", linesOf(50, i * 50))
  // Its files are not delivered: nothing of what they need may go.
  await until("files wait", () => sinkOf(node).pending > 10 && sinkOf(node).failures > 2)
  const kept = segments()
  assert.ok(kept > 5, `${kept} segments`)
  disk.remount("rw")
  await node.end("lines")
  await idle(node)
  assert.equal(sinkOf(node).rows, 2_000)
  await node.reopen("lines")
  for (let i = 0; i < 10; i++) await send(node, "lines", linesOf(50))
  await until("old segments are gone", () => segments() <= 3)
  assert.ok((await node.read("lines", 0, { kind: "earliest" }, 1)).first > 0)
})

it("a file that rolls by time is delivered though its worker has ended meanwhile", async (t) => {
  const { node, dir } = await openNode(t, ["ticks"], { bounds: { workerIdleMs: 50 } })
  await send(node, "marks", [{ id: "a" }, { id: "b" }])
  await until("the files are delivered", () => sinkOf(node).rows === 2)
  assert.equal(Object.keys(hashes(path.join(dir, "out"))).length > 0, true)
  await until("the workers have ended", () => figure(node, "millrace_workers") === 0)
  await send(node, "marks", [{ id: "c" }])
  await until("the workers have ended again, with a file that is not full", () => figure(node, "millrace_workers") === 0 && sinkOf(node).rows === 2)
  await until("the file is delivered", () => sinkOf(node).rows === 3)
})

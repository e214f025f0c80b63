import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { test, type TestContext } from "node:test"
import { root } from "./workspaces.ts"

test("a file that leaves something open is named with what it is, and fails", async (t) => {
  const file = written(t, "leak", `
    import net from "node:net"
    import { Worker } from "node:worker_threads"
    test("leaves a server and a thread", () => {
      net.createServer().listen(0, "127.0.0.1")
      new Worker("setInterval(() => {}, 1000)", { eval: true })
    })`)
  const { status, output } = await npmTest(file)
  assert.equal(status, 1)
  assert.match(output, /✔ leaves a server and a thread/)
  assert.match(output, /leak\.test\.ts: its tests are over for \d+ s, but its process stays\. It has left open:/)
  assert.match(output, /server listening on \{"address":"127\.0\.0\.1"/)
  assert.match(output, /thread \d+, started at \S*leak\.test\.ts:6/)
})

test("a file that blocks its thread is ended, and those beside it are reported whole", async (t) => {
  const spin = written(t, "spin", `test("spins", () => { for (;;) {} })`)
  const quick = written(t, "quick", `for (let i = 0; i < 50; i++) test("quick " + i, () => {})`)
  const { status, output } = await npmTest(spin, quick)
  assert.equal(status, 1)
  assert.match(output, /spin\.test\.ts: nothing heard for \d+ s, so it is ended as failed/)
  for (let i = 0; i < 50; i++) assert.ok(output.includes(`✔ quick ${i} `), `quick ${i} is reported`)
})

test("a pattern and its text may be two words", async (t) => {
  const file = written(t, "two", `test("left alone", () => {}); test("chosen by its name", () => {})`)
  const { status, output } = await npmTest("--test-name-pattern", "chosen by", file)
  assert.equal(status, 0)
  assert.match(output, /✔ chosen by its name/)
  assert.doesNotMatch(output, /left alone/)
})

test("a word that is no place, and an option that is none, are refused", async () => {
  const place = await npmTest("core/nowhere")
  assert.equal(place.status, 2)
  assert.match(place.output, /there is no \*\.test\.ts at or under core\/nowhere/)
  const option = await npmTest("--test-name-patern=x")
  assert.equal(option.status, 2)
  assert.match(option.output, /--test-name-patern[\s\S]*usage: npm test/)
})

function written(t: TestContext, name: string, body: string): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-test-run-"))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, `${name}.test.ts`)
  fs.writeFileSync(file, `import { test } from "node:test"\n${body.trimStart()}\n`)
  return file
}

async function npmTest(...words: readonly string[]): Promise<{ readonly status: number | null; readonly output: string }> {
  // Within a test, node refuses to run others.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const child = spawn(process.execPath, [path.join(root, "tools/test.ts"), ...words], {
    cwd: root,
    env: { ...env, MILLRACE_TEST_SILENT_MS: "8000", MILLRACE_TEST_LEAVING_MS: "2000" },
    stdio: ["ignore", "pipe", "pipe"],
  })
  let output = ""
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text))
  const status = await new Promise<number | null>((resolve) => child.once("close", resolve))
  return { status, output }
}

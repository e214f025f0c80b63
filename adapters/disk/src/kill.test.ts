// A process that appends is killed at moments nobody chose.
import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { text } from "node:stream/consumers"
import os from "node:os"
import path from "node:path"
import { it } from "node:test"
import { fileURLToPath } from "node:url"
import { isMillraceError } from "@millrace/model"
import { assertPrefix, open } from "../test/history.ts"
import { scratch } from "../test/scratch.ts"

const appender = fileURLToPath(new URL("../test/appender.ts", import.meta.url))

/** Lets a process append until it has acknowledged `lines` groups more, kills it, and returns what it acknowledged. */
async function killedAfter(dir: string, lines: number, syncMs = 0): Promise<number> {
  const child = spawn(process.execPath, ["--conditions=@millrace/source", appender, dir, "20000", String(syncMs)], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  const exited = once(child, "exit")
  let output = ""
  let seen = 0
  child.stdout.setEncoding("utf8")
  for await (const chunk of child.stdout) {
    output += chunk
    seen += String(chunk).split("\n").length - 1
    if (seen >= lines) child.kill("SIGKILL")
  }
  await exited
  // The last line may be torn by the kill; the one before it is whole.
  return Number(output.slice(0, output.lastIndexOf("\n")).split("\n").at(-1))
}

it("a killed process loses nothing that it acknowledged", async (t) => {
  const dir = path.join(scratch(t, os.tmpdir()), "data")
  for (const lines of [1, 30, 3, 111, 7, 64, 250, 2, 19, 400, 5, 90]) {
    const acknowledged = await killedAfter(dir, lines)
    assert.ok(acknowledged > 0)
    await assertPrefix(await open(dir, 20_000), acknowledged)
  }
})

it("a killed process loses nothing that it acknowledged, though it was to be synced later, or never", async (t) => {
  for (const syncMs of [10, Number.POSITIVE_INFINITY]) {
    const dir = path.join(scratch(t, os.tmpdir()), "data")
    for (const lines of [1, 30, 111, 64, 400, 5]) {
      const acknowledged = await killedAfter(dir, lines, syncMs)
      assert.ok(acknowledged > 0)
      await assertPrefix(await open(dir, 20_000), acknowledged)
    }
  }
})

it("a process that runs into a limit on file sizes loses nothing that it acknowledged", async (t) => {
  const dir = path.join(scratch(t), "data")
  const command = 'ulimit -f 160 && exec "$0" "$@"'
  const child = spawn(
    "bash",
    ["-c", command, process.execPath, "--conditions=@millrace/source", appender, dir, "1e9"],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  )
  const exited = once(child, "exit")
  const [out, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  await exited
  assert.match(errors, /MR1304|EFBIG|File too large/)
  const acknowledged = Number(out.trim().split("\n").at(-1))
  assert.ok(acknowledged > 0)
  await assertPrefix(await open(dir, 20_000), acknowledged)
})

it("a second process on the same directory is refused with the pid that holds it", async (t) => {
  const dir = path.join(scratch(t), "data")
  const child = spawn(process.execPath, ["--conditions=@millrace/source", appender, dir], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  const exited = once(child, "exit")
  // The first acknowledgement: the store is open, and stays so until the kill.
  await once(child.stdout, "data")
  child.stdout.resume()
  const refused = await open(dir).catch((error: unknown) => error)
  child.kill("SIGKILL")
  await exited
  assert.ok(isMillraceError(refused) && refused.code === "MR1301", String(refused))
  assert.equal(refused.details["pid"], child.pid)
  assert.match(refused.message, new RegExp(`process ${child.pid}\\b`))
  const store = await open(dir)
  await store.close()
})

import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { after, test } from "node:test"
import { killPrograms } from "./program.ts"
import { taskCrashRun } from "./task-crash.ts"

/** Another one each time; a run that fails is repeated with `MILLRACE_SEED=…`. */
const seed = Number(process.env["MILLRACE_SEED"] ?? Math.floor(Math.random() * 2 ** 32))

after(killPrograms)

test("runs on a node that is killed again and again are lost nowhere and completed once", { timeout: 900_000 }, async (t) => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-task-crash-"))
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
  t.diagnostic(`seed ${seed}`)
  const { lost, twice, wrong, recoveriesMs } = await taskCrashRun({ dir, jobs: 3_000, kills: 8, seed, log: (line) => t.diagnostic(line) })
  assert.deepEqual([lost, twice, wrong], [[], [], []])
  t.diagnostic(`ready again after ${recoveriesMs.map((ms) => ms.toFixed(0)).join(", ")} ms`)
})

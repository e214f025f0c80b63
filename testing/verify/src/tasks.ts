// `npm run verify -- tasks [--jobs N --kills N --seed N]`: runs on a node that is killed again and again.
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { parseArgs } from "node:util"
import { taskCrashRun } from "./task-crash.ts"

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "50000" },
    kills: { type: "string", default: "50" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
})
const seed = Number(values.seed)
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-verify-tasks-"))
console.log(`tasks: ${values.kills} kills during twice ${values.jobs} jobs, seed ${seed}`)
try {
  const run = await taskCrashRun({ dir, jobs: Number(values.jobs), kills: Number(values.kills), seed, log: (line) => console.log(`  ${line}`) })
  for (const [what, found] of Object.entries({ lost: run.lost, "completed twice": run.twice, "not one run that succeeded": run.wrong })) {
    console.log(`tasks: ${what} ${found.length}${found.length === 0 ? "" : `: ${found.slice(0, 10).join(", ")}`}`)
    if (found.length > 0) process.exitCode = 1
  }
  console.log(`tasks: ready again after a kill: median ${(run.recoveriesMs.toSorted((a, b) => a - b)[run.recoveriesMs.length >> 1] ?? 0).toFixed(0)} ms`)
} finally {
  fs.rmSync(dir, { recursive: true, force: true })
}

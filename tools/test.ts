// `npm test`: sets up what the tests need, then runs every *.test.ts, or those named: `npm test -- core adapters/s3`.
// An argument that starts with a dash goes to `node --test`.
import { spawn } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { chromium, pythonWithMoto } from "./test-setup.ts"
import { root } from "./workspaces.ts"

const options = process.argv.slice(2).filter((word) => word.startsWith("-"))
const places = process.argv.slice(2).filter((word) => !word.startsWith("-"))

const files = fs
  .globSync(["core", "adapters", "hosts", "testing", "examples", "tools"].map((top) => `${top}/**/*.test.ts`), {
    cwd: root,
    exclude: (name) => name.split(path.sep).includes("node_modules") || name.split(path.sep).includes("dist"),
  })
  .filter((file) => places.length === 0 || places.some((place) => file === place || file.startsWith(`${place.replace(/\/$/, "")}/`)))
  .toSorted()
if (files.length === 0) {
  console.error(`no *.test.ts under ${places.join(", ") || "this repository"}`)
  process.exit(1)
}

/** Only what runs in a browser needs one. */
function browserOf(paths: readonly string[]): Readonly<Record<string, string>> {
  return paths.some((file) => file.endsWith("browser.test.ts")) ? { MILLRACE_TEST_CHROMIUM: chromium() } : {}
}

const tests = spawn(
  process.execPath,
  [
    "--conditions=@millrace/source",
    "--test",
    // A thread left behind by a test must not keep the whole run waiting for ever.
    "--test-force-exit",
    `--test-concurrency=${Math.min(4, Math.max(1, os.availableParallelism()))}`,
    ...options,
    ...files,
  ],
  { cwd: root, stdio: "inherit", env: { ...process.env, MILLRACE_TEST_PYTHON: pythonWithMoto(), ...browserOf(files) } },
)
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => tests.kill(signal))
tests.on("exit", (code) => {
  process.exitCode = code ?? 1
})

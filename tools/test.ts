// `npm test`: sets up what the tests need, then runs every *.test.ts, or those under the places named: `npm test -- core adapters/s3`.
// Options are those of node's runner that choose tests and how they are reported.
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { parseArgs } from "node:util"
import { runTests, type Reporter } from "./test-run.ts"
import { chromium, pythonWithMoto } from "./test-setup.ts"
import { root } from "./workspaces.ts"

/** A test of crashes may take minutes to its next line on a loaded machine. */
const silentMsMax = 600_000
const leavingMsMax = 20_000

const usage = "npm test -- [--test-name-pattern TEXT] [--test-skip-pattern TEXT] [--test-only] [--test-concurrency N] [--test-reporter spec|dot|tap|junit] [FILE or FOLDER…]"

const { values: options, positionals: places } = words()
const all = fs
  .globSync(["core", "adapters", "hosts", "testing", "examples", "tools"].map((top) => `${top}/**/*.test.ts`), {
    cwd: root,
    exclude: (name) => name.split(path.sep).includes("node_modules") || name.split(path.sep).includes("dist"),
  })
  .toSorted()
const files = places.length === 0 ? all : [...new Set(places.flatMap(filesOf))]
const reporter = options["test-reporter"] ?? "spec"
if (!isReporter(reporter)) refuse(`there is no reporter "${reporter}"`)
const concurrency = Number(options["test-concurrency"] ?? Math.min(4, Math.max(1, os.availableParallelism())))
if (!Number.isInteger(concurrency) || concurrency < 1) refuse("--test-concurrency is a whole number from 1")

process.chdir(root)
process.env["MILLRACE_TEST_PYTHON"] = pythonWithMoto()
// Only what runs in a browser needs one.
if (files.some((file) => file.endsWith("browser.test.ts"))) process.env["MILLRACE_TEST_CHROMIUM"] = chromium()

const good = await runTests({
  files: files.map((file) => path.resolve(root, file)),
  concurrency,
  reporter,
  namePatterns: options["test-name-pattern"] ?? [],
  skipPatterns: options["test-skip-pattern"] ?? [],
  only: options["test-only"] ?? false,
  silentMsMax: Number(process.env["MILLRACE_TEST_SILENT_MS"] ?? silentMsMax),
  leavingMsMax: Number(process.env["MILLRACE_TEST_LEAVING_MS"] ?? leavingMsMax),
})
process.exitCode = good ? 0 : 1

function words() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        "test-name-pattern": { type: "string", multiple: true },
        "test-skip-pattern": { type: "string", multiple: true },
        "test-only": { type: "boolean" },
        "test-concurrency": { type: "string" },
        "test-reporter": { type: "string" },
      },
    })
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

/** The test files that a word means: one, wherever it is, or all in a folder of the repository. */
function filesOf(place: string): readonly string[] {
  const under = place.replace(/^\.\//, "").replace(/\/$/, "")
  if (under.endsWith(".test.ts") && fs.existsSync(path.resolve(root, under))) return [under]
  const found = all.filter((file) => file.startsWith(`${under}/`))
  return found.length > 0 ? found : refuse(`there is no *.test.ts at or under ${place}`)
}

function isReporter(word: string): word is Reporter {
  return ["spec", "dot", "tap", "junit"].includes(word)
}

function refuse(sentence: string): never {
  console.error(`${sentence}\nusage: ${usage}`)
  process.exit(2)
}

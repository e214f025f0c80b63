import assert from "node:assert/strict"
import { readFileSync, writeFileSync } from "node:fs"
import path from "node:path"
import { test } from "node:test"
import { LongRun, workplace } from "../test/cli.ts"
import { type Begun, settingsAnew, withoutSettings, wordsAnew } from "./heap-words.ts"

const begun = (words: readonly string[], more: Partial<Begun> = {}): Begun => ({
  argv: ["/bin/node", "/lib/main.js", ...words],
  env: {},
  execArgv: ["--conditions=@millrace/source"],
  execPath: "/bin/node",
  ...more,
})

test("a node begins again with bounds to its heaps, and with all words that it had", () => {
  const all = ["/bin/node", "--max-semi-space-size=16", "--heap-growing-percent=50", "--conditions=@millrace/source", "/lib/main.js", "start", "a.ts", "--port", "0"]
  assert.deepEqual(wordsAnew(begun(["start", "a.ts", "--port", "0"])), all)
  assert.notEqual(wordsAnew(begun(["dev"])), undefined)
})

test("other commands, and nodes whose memory somebody has chosen or looks into, begin once", () => {
  for (const words of [[], ["tail", "start"], ["--help"]]) assert.equal(wordsAnew(begun(words)), undefined, words.join(" "))
  for (const word of ["--max-semi-space-size=64", "--max_semi_space_size=64", "--max-heap-size=4000", "--heap-growing-percent=100", "--inspect-brk"]) {
    assert.equal(wordsAnew(begun(["start"], { execArgv: [word] })), undefined, word)
    assert.equal(wordsAnew(begun(["start"], { env: { NODE_OPTIONS: `--no-warnings ${word}` } })), undefined, word)
  }
  const again = wordsAnew(begun(["start"])) as readonly string[]
  assert.equal(wordsAnew(begun(["start"], { execArgv: again.slice(1, -2) })), undefined, "it begins again once")
})

test("what glibc is told is for the node alone: what somebody has said holds, and children hear nothing of it", () => {
  const env = settingsAnew({ HOME: "/home/ada", MALLOC_TRIM_THRESHOLD_: "65536" })
  assert.deepEqual(Object.keys(env).toSorted(), ["HOME", "MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"])
  assert.equal(env["MALLOC_TRIM_THRESHOLD_"], "65536")
  const again = { env: { ...env }, execArgv: ["--max-semi-space-size=16", "--heap-growing-percent=50"] }
  withoutSettings(again)
  assert.deepEqual(again.env, { HOME: "/home/ada", MALLOC_TRIM_THRESHOLD_: "65536" })
  const once = { env: { MALLOC_MMAP_THRESHOLD_: "1048576" }, execArgv: [] }
  withoutSettings(once)
  assert.deepEqual(once.env, { MALLOC_MMAP_THRESHOLD_: "1048576" }, "one that has not begun again leaves its environment as it is")
})

test("the process that begins again is the same one, to whoever started it", async () => {
  const place = workplace()
  try {
    const said = path.join(place.dir, "said.json")
    const file = path.join(place.dir, "service.ts")
    writeFileSync(
      file,
      `import { writeFileSync } from "node:fs"
import { service, stream } from "millrace"
writeFileSync(${JSON.stringify(said)}, JSON.stringify({ words: process.execArgv, told: Object.keys(process.env).filter((name) => name.startsWith("MALLOC_")) }))
export default service("notes", [stream("notes", { partitions: 1 })])
`,
    )
    const node = new LongRun(["start", file, "--json", "--port", "0", "--data", path.join(place.dir, "data")])
    const ready = await node.next<{ readonly pid: number }>()
    assert.equal(ready.pid, node.child.pid)
    assert.equal(await node.stop("SIGTERM"), 0)
    assert.deepEqual(JSON.parse(readFileSync(said, "utf8")), {
      words: ["--max-semi-space-size=16", "--heap-growing-percent=50", "--conditions=@millrace/source"],
      told: [],
    })
    assert.doesNotMatch(node.err, /Warning/)
  } finally {
    place.remove()
  }
})

// The code of the guide and the README is true. Every `ts` block is a whole module: it type-checks; one that exports a
// service compiles to a plan; one that imports node:test is run. A block that is not whole says so: ```ts fragment.
//
// A block whose first line is a comment such as `// fraud.ts` is a file of that name, which later blocks of its page import.
import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { after, before, test } from "node:test"
import { pathToFileURL } from "node:url"
import { compile, diagram, serviceOf } from "@millrace/sdk"
import { root } from "./workspaces.ts"

const pages = ["README.md", ...fs.readdirSync(path.join(root, "docs/guide")).map((page) => `docs/guide/${page}`)]
/** Inside the examples, so that a module finds `millrace` and `zod` as a user's would. */
const dir = path.join(root, "examples/flights/.guide")

interface Module {
  readonly page: string
  /** Where it begins in its page. */
  readonly line: number
  readonly code: string
  readonly file: string
}

function modulesOf(page: string): Module[] {
  const text = fs.readFileSync(path.join(root, page), "utf8")
  return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(({ 1: code = "", index }) => {
    const line = text.slice(0, index).split("\n").length + 1
    const name = /^\/\/ ([\w-]+(\.test)?\.ts)\n/.exec(code)?.[1] ?? `line-${line}${isTest(code) ? ".test" : ""}.ts`
    return { page, line, code, file: path.join(dir, path.basename(page, ".md"), name) }
  })
}

function isTest(code: string): boolean {
  return /^import .* from "node:test"$/m.test(code)
}

const modules = pages.flatMap(modulesOf)

before(() => {
  fs.rmSync(dir, { recursive: true, force: true })
  for (const { file, code } of modules) {
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, code)
  }
  const extended = path.relative(dir, path.join(root, "tsconfig.check.json"))
  const settings = { extends: extended, compilerOptions: { incremental: false, tsBuildInfoFile: null }, include: ["**/*.ts"] }
  fs.writeFileSync(path.join(dir, "tsconfig.json"), JSON.stringify({ ...settings, exclude: [] }))
})

after(() => fs.rmSync(dir, { recursive: true, force: true }))

/** Places in the modules as places in their pages. */
function inPages(text: string): string {
  let told = text
  for (const { file, page, line } of modules) {
    for (const shown of [pathToFileURL(file).href, file, path.relative(root, file)]) {
      told = told.replaceAll(new RegExp(`${shown.replaceAll(/[^\w/]/g, "\\$&")}(?:[(:](\\d+)[,:](\\d+)\\)?)?`, "g"), (_, row?: string) => {
        return `${page}:${line + Number(row ?? 1) - 1}`
      })
    }
  }
  return told
}

test("every module in the guide type-checks", () => {
  assert.ok(modules.length >= 12, `only ${modules.length} modules found`)
  const tsc = path.join(root, "node_modules/typescript/bin/tsc")
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", dir], { cwd: root, encoding: "utf8" })
  assert.equal(status, 0, inPages(stdout))
})

test("the windows and aggregates that the guide lists can be imported from millrace", async () => {
  const millrace = await import("millrace")
  const text = fs.readFileSync(path.join(root, "docs/guide/windows.md"), "utf8")
  const named = [...text.matchAll(/^\| (`\w+\([^|]*)\|/gm)].flatMap(({ 1: cell = "" }) => [...cell.matchAll(/`(\w+)\(/g)].map(({ 1: name = "" }) => name))
  assert.deepEqual(named.filter((name) => !(name in millrace)), [])
  for (const name of ["topN", "cumulating", "mean"]) assert.ok(named.includes(name), `${name} is not found`)
})

for (const { page, line, code, file } of modules) {
  if (/^export default service\(/m.test(code)) {
    test(`the service in ${page}, line ${line}, compiles to a plan`, async () => {
      const service = serviceOf((await import(pathToFileURL(file).href)) as Record<string, unknown>, file)
      assert.match(diagram(compile(service).plan), /^flowchart/m)
    })
  }
  if (isTest(code)) {
    test(`the test in ${page}, line ${line}, passes`, () => {
      const args = ["--conditions=@millrace/source", "--test", "--test-isolation=none", "--test-reporter=tap", file]
      const { NODE_TEST_CONTEXT: _, ...env } = process.env
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8", env, timeout: 60_000 })
      assert.equal(status, 0, inPages(`${stdout}${stderr}`))
      assert.match(stdout, /^ok 1 /m, "it holds no test")
    })
  }
}

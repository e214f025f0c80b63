// The code of the guide and the README is true: every whole module in them type-checks and compiles to a plan.
import assert from "node:assert/strict"
import { execFileSync, spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { after, before, test } from "node:test"
import { root } from "./workspaces.ts"

const pages = ["README.md", ...fs.readdirSync(path.join(root, "docs/guide")).map((page) => `docs/guide/${page}`)]
/** Inside the examples, so that a module finds `millrace` and `zod` as a user's would. */
const dir = path.join(root, "examples/flights/.guide")

/** Fenced modules: those that export a service; fragments are for reading. */
function modulesOf(page: string): string[] {
  const text = fs.readFileSync(path.join(root, page), "utf8")
  return [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => code).filter((code) => /^import /m.test(code) && /^export default service\(/m.test(code))
}

const modules = pages.flatMap((page) => modulesOf(page).map((code, i) => ({ name: `${page}, ${i + 1}`, code })))

before(() => {
  fs.rmSync(dir, { recursive: true, force: true })
  fs.mkdirSync(dir, { recursive: true })
  for (const [i, { code }] of modules.entries()) fs.writeFileSync(path.join(dir, `module-${i}.ts`), code)
  const extended = path.relative(dir, path.join(root, "tsconfig.check.json"))
  const settings = { extends: extended, compilerOptions: { incremental: false, tsBuildInfoFile: null }, include: ["*.ts"] }
  fs.writeFileSync(path.join(dir, "tsconfig.json"), JSON.stringify(settings))
})

after(() => fs.rmSync(dir, { recursive: true, force: true }))

test("every module in the guide type-checks", () => {
  assert.ok(modules.length >= 8, `only ${modules.length} modules found`)
  const tsc = path.join(root, "node_modules/typescript/bin/tsc")
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", dir], { encoding: "utf8" })
  assert.equal(status, 0, stdout.replaceAll(/module-(\d+)\.ts/g, (_, i: string) => modules[Number(i)]?.name ?? i))
})

for (const [i, { name }] of modules.entries()) {
  test(`the module in ${name} compiles to a plan`, () => {
    const main = path.join(root, "hosts/cli/src/main.ts")
    const file = path.join(dir, `module-${i}.ts`)
    const out = execFileSync(process.execPath, ["--conditions=@millrace/source", main, "plan", file], { encoding: "utf8" })
    assert.match(out, /^flowchart/m)
  })
}

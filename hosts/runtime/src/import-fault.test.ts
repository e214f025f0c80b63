// What a newcomer reads when the module of a service is not right: where to look, before why.
import assert from "node:assert/strict"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import path from "node:path"
import { test, type TestContext } from "node:test"
import { pathToFileURL } from "node:url"
import { importFault } from "./import-fault.ts"

async function fault(t: TestContext, files: Readonly<Record<string, string>>): Promise<{ readonly message: string; readonly dir: string; readonly details: unknown }> {
  const scratch = path.join(import.meta.dirname, "../../../.millrace")
  mkdirSync(scratch, { recursive: true })
  const dir = mkdtempSync(path.join(scratch, "import-"))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(dir, name), text)
  const [first = ""] = Object.keys(files)
  const file = path.join(dir, first)
  const cause: unknown = await import(pathToFileURL(file).href).then(
    () => assert.fail("it was imported"),
    (error: unknown) => error,
  )
  const { code, message, details } = importFault(cause, file, Object.keys(files).map((name) => path.join(dir, name)))
  assert.equal(code, "MR1104")
  return { message: message.replaceAll(dir, ""), dir, details }
}

test("a syntax error is told with file, line, column and the line itself", async (t) => {
  const { message, dir, details } = await fault(t, { "service.ts": "const a: number = 1\nconst b = = 3\n" })
  assert.equal(message, "/service.ts:2:11: it could not be imported: SyntaxError: Expression expected, in: const b = = 3")
  assert.deepEqual(details, { file: path.join(dir, "service.ts"), line: 2, column: 11 })
})

test("a syntax error of an imported file is told where it is", async (t) => {
  const { message } = await fault(t, { "service.ts": `import "./part.ts"\n`, "part.ts": "\n\nexport const x = }\n" })
  assert.match(message, /^\/part\.ts:3:18: .*SyntaxError/)
})

test("a syntax error whose place Node keeps to itself is found all the same", async (t) => {
  const { message } = await fault(t, { "service.ts": `import "./part.ts"\n`, "part.ts": "const a = 1\nconst a: number = 2\n" })
  assert.match(message, /^\/part\.ts:2:7: .*'a' has already been declared, in: const a: number = 2$/)
})

test("what Node does not translate is told with what to write instead", async (t) => {
  const { message } = await fault(t, { "service.ts": "\nenum Colour { Red }\n" })
  assert.match(message, /^\/service\.ts:2:1: .*enum is not supported in strip-only mode\. .*as const.*, in: enum Colour/)
})

test("a module or package that is not there is told at its import", async (t) => {
  const absent = await fault(t, { "service.ts": `const a = 1\nimport { b } from "./absent.ts"\n` })
  assert.match(absent.message, /^\/service\.ts:2:19: .*Cannot find module/)
  const unknown = await fault(t, { "service.ts": `import x from "no-such-package-at-all"\n` })
  assert.match(unknown.message, /^\/service\.ts:1:15: .*Cannot find package 'no-such-package-at-all'/)
})

test("an export that is not there, and code that throws while it is loaded, are told where", async (t) => {
  const missing = await fault(t, { "service.ts": `import { nope } from "./part.ts"\n`, "part.ts": "export const yes = 1\n" })
  assert.match(missing.message, /^\/service\.ts:1:10: .*does not provide an export named 'nope'/)
  const thrown = await fault(t, { "service.ts": "const none: { x?: { y: number } } = {}\n\nnone.x.y\n" })
  assert.match(thrown.message, /^\/service\.ts:3:8: .*TypeError: Cannot read properties of undefined \(reading 'y'\), in: none\.x\.y$/)
})

test("what is thrown and is no error is told as it is", () => {
  assert.equal(importFault("why not", "/service.ts").message, "/service.ts: it could not be imported: why not")
})

import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { test } from "node:test"
import { filesOf } from "./imports.ts"

test("a service is made of what it imports by relative path, directly or not", async (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-imports-"))
  t.after(() => fs.rmSync(directory, { recursive: true }))
  const write = (name: string, text: string): void => {
    fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true })
    fs.writeFileSync(path.join(directory, name), text)
  }
  write(
    "service.ts",
    'import { z } from "zod"\nimport { a } from "./lib/a.ts"\nimport "./side.ts"\nexport * from "./gone.ts"\nhttp("GET /x/{y}", "./handlers/x.mjs")\n',
  )
  write(
    "lib/a.ts",
    "import type { B } from '../b.ts'\nconst c = await import('./c.json', { with: { type: 'json' } })\n",
  )
  write("b.ts", 'import "./service.ts"\n')
  write("side.ts", "")
  write("handlers/x.mjs", 'const y = require("./y.cjs")')
  write("unrelated.ts", "")
  const found = [...(await filesOf(path.join(directory, "service.ts")))].map((file) => path.relative(directory, file))
  assert.deepEqual(new Set(found), new Set(["b.ts", "gone.ts", "lib/a.ts", "lib/c.json", "handlers/x.mjs", "handlers/y.cjs", "service.ts", "side.ts"]))
})

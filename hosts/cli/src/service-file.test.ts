import assert from "node:assert/strict"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { test } from "node:test"
import { serviceFile } from "./service-file.ts"

test("a service's file is looked for here, and where npm was called", (t) => {
  const dir = mkdtempSync(path.join(tmpdir(), "millrace-cli-"))
  const before = process.env["INIT_CWD"]
  t.after(() => {
    if (before === undefined) delete process.env["INIT_CWD"]
    else process.env["INIT_CWD"] = before
    rmSync(dir, { recursive: true })
  })
  writeFileSync(path.join(dir, "fraud.ts"), "")
  delete process.env["INIT_CWD"]
  assert.throws(() => serviceFile("fraud.ts"), { code: "MR1104" })
  process.env["INIT_CWD"] = dir
  assert.equal(serviceFile("fraud.ts"), path.join(dir, "fraud.ts"))
})

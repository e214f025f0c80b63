/** Directories of one test, in memory where the machine has a file system for that. */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import type { TestContext } from "node:test"

const scratchHome = fs.existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir()

/** A new directory, removed when the test ends. */
export function scratch(t: TestContext, where: string = scratchHome): string {
  const dir = fs.mkdtempSync(path.join(where, "millrace-disk-"))
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
  return dir
}

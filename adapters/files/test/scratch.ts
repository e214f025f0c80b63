// A directory of this test file's own, removed at its end.
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { after } from "node:test"

let count = 0

const scratch: string = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-files-"))
after(() => fs.rmSync(scratch, { recursive: true, force: true }))

/** A path that nothing has used yet. */
export function fresh(name: string): string {
  return path.join(scratch, `${count++}-${name}`)
}

/** Writes a file and gives its path. */
export function written(name: string, bytes: Uint8Array | string): string {
  const file = fresh(name)
  fs.writeFileSync(file, bytes)
  return file
}

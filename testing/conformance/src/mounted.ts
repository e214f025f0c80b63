/** A file system of its own for one test: small, or read-only. */
import { execFileSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import type { TestContext } from "node:test"

export interface Mounted {
  readonly dir: string
  remount(options: string): void
}

/** Mounts a tmpfs until the test ends; where that is not allowed, skips the test with the reason. */
export function mounted(t: TestContext, options: string): Mounted | undefined {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-mount-"))
  const run = (name: string, ...args: readonly string[]): void => {
    execFileSync(name, args, { stdio: ["ignore", "ignore", "pipe"] })
  }
  try {
    run("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir)
  } catch (error) {
    fs.rmdirSync(dir)
    t.skip(`no file system can be mounted here: ${String((error as { stderr?: unknown }).stderr).trim()}`)
    return undefined
  }
  t.after(() => {
    run("umount", "-l", dir)
    fs.rmSync(dir, { recursive: true, force: true })
  })
  return { dir, remount: (change) => run("mount", "-o", `remount,${change}`, dir) }
}

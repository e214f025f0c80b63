/** A file system of its own for one test: small, or read-only. */
import { execFileSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import type { TestContext } from "node:test"
import { scratchHome } from "./scratch.ts"

export interface Mounted {
  readonly dir: string
  remount(options: string): void
}

/** Mounts a tmpfs until the test ends; where that is not allowed, skips the test with the reason. */
export function mounted(t: TestContext, options: string): Mounted | undefined {
  const dir = fs.mkdtempSync(path.join(scratchHome, "millrace-mount-"))
  const run = (...command: readonly [string, ...string[]]): void => {
    const [name, ...args] = command
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
    fs.rmdirSync(dir)
  })
  return { dir, remount: (options) => run("mount", "-o", `remount,${options}`, dir) }
}

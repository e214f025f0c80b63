/**
 * The lock of a data directory: a directory `lock/` with one file that names its holder. Made whole under another name
 * and renamed into place, which succeeds only while `lock/` is missing or empty: of many that try, one wins.
 *
 * A claim is in a file of its own name, so removing the claim of a dead holder can never remove that of a living one
 * that came in between.
 */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { MillraceError } from "@millrace/model"
import { errorNumber } from "./disk-refusal.ts"

/** Who holds a data directory. */
export interface LockHolder {
  readonly pid: number
  readonly host: string
  /** Start of the process in clock ticks since the boot, or empty where that cannot be known. */
  readonly started: string
  /** The boot during which it started. */
  readonly boot: string
}

export class DirectoryLock {
  readonly #claim: string

  private constructor(claim: string) {
    this.#claim = claim
  }

  /** @throws MR1301 when a living process holds the directory */
  static take(dir: string): DirectoryLock {
    const me = thisProcess()
    const name = `pid-${me.pid}-${me.started || "0"}-${me.boot.slice(0, 8)}`
    const mine = fs.mkdtempSync(path.join(dir, "lock-of-"))
    try {
      fs.writeFileSync(path.join(mine, name), `${JSON.stringify(me)}\n`)
      const lock = path.join(dir, "lock")
      while (!renamed(mine, lock)) {
        for (const claim of fs.readdirSync(lock)) {
          const holder = readClaim(path.join(lock, claim))
          if (holder !== undefined && !isDead(holder, me)) throw held(dir, holder, me)
          fs.rmSync(path.join(lock, claim), { force: true })
        }
      }
      removeLeftovers(dir)
      return new DirectoryLock(path.join(lock, name))
    } catch (error) {
      fs.rmSync(mine, { recursive: true, force: true })
      throw error
    }
  }

  release(): void {
    fs.rmSync(this.#claim, { force: true })
    try {
      fs.rmdirSync(path.dirname(this.#claim))
    } catch {
      // Somebody took it in between, as is their right.
    }
  }
}

/** Who holds the directory now, dead or alive; undefined when nobody does. */
export function lockHolder(dir: string): (LockHolder & { readonly alive: boolean }) | undefined {
  try {
    const lock = path.join(dir, "lock")
    for (const claim of fs.readdirSync(lock)) {
      const holder = readClaim(path.join(lock, claim))
      if (holder !== undefined) return { ...holder, alive: !isDead(holder, thisProcess()) }
    }
  } catch {
    // No lock, or it is gone by now.
  }
  return undefined
}

function renamed(from: string, to: string): boolean {
  try {
    fs.renameSync(from, to)
    return true
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST"].includes(errorNumber(error))) return false
    throw error
  }
}

/** What a process left that was killed while it took the lock. */
function removeLeftovers(dir: string): void {
  for (const name of fs.readdirSync(dir)) {
    if (!name.startsWith("lock-of-")) continue
    const [claim] = fs.readdirSync(path.join(dir, name)).map((each) => readClaim(path.join(dir, name, each)))
    if (claim !== undefined && isDead(claim, thisProcess()))
      fs.rmSync(path.join(dir, name), { recursive: true, force: true })
  }
}

/** A claim appears whole, so what cannot be read is what a power cut left. */
function readClaim(file: string): LockHolder | undefined {
  try {
    const holder = JSON.parse(fs.readFileSync(file, "utf8")) as Partial<LockHolder>
    const { pid, host, started, boot } = holder
    if (typeof pid !== "number" || typeof host !== "string" || typeof started !== "string" || typeof boot !== "string")
      return undefined
    return { pid, host, started, boot }
  } catch {
    return undefined
  }
}

function held(dir: string, holder: LockHolder, me: LockHolder): MillraceError {
  const elsewhere = holder.host !== me.host
  const who = `process ${holder.pid}${elsewhere ? ` on host ${holder.host}` : ""}`
  const mend = elsewhere
    ? `stop it there, or remove ${path.join(dir, "lock")} if that host is gone for good`
    : "stop it first"
  return new MillraceError("MR1301", `${dir} is in use by ${who}: ${mend}, or choose another place with --data DIR.`, {
    path: dir,
    pid: holder.pid,
    host: holder.host,
  })
}

function isDead(holder: LockHolder, me: LockHolder): boolean {
  // The processes of another host cannot be seen from here.
  if (holder.host !== me.host) return false
  if (holder.boot !== me.boot) return true
  if (me.started !== "") return startOf(holder.pid) !== holder.started
  try {
    // Without /proc a process id is all there is to go by.
    process.kill(holder.pid, 0)
    return false
  } catch (error) {
    return errorNumber(error) === "ESRCH"
  }
}

function thisProcess(): LockHolder {
  let boot = ""
  try {
    boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
  } catch {
    // Not Linux: the process id has to do.
  }
  return { pid: process.pid, host: os.hostname(), started: startOf(process.pid) ?? "", boot }
}

/** Start time of a process, which with its id names it for one boot; undefined when it does not run any more. */
function startOf(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8")
    // The name in parentheses may hold anything; the state comes after it, and field 22 is the 20th after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    // Killed and not yet waited for by its parent: dead, once none of its threads is still finishing a write.
    const over = "ZX".includes(fields[0] as string) && fs.readdirSync(`/proc/${pid}/task`).length <= 1
    return over ? undefined : fields[19]
  } catch {
    return undefined
  }
}

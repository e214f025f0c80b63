// The data directory: its lock, its version, and directories that cannot be used.
import assert from "node:assert/strict"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { describe, it } from "node:test"
import { mounted } from "@millrace/conformance"
import { isMillraceError, type MillraceError } from "@millrace/model"
import { open } from "../test/history.ts"
import { scratch } from "../test/scratch.ts"
import { DirectoryLock, lockHolder } from "./lock.ts"

async function refusalOf(opening: Promise<unknown>, code: string): Promise<MillraceError> {
  const error: unknown = await opening.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(isMillraceError(error) && error.code === code, `expected ${code}: ${String(error)}`)
  return error
}

/** Writes the lock that a process of this description would have left. */
function leaveLock(dir: string, holder: object): void {
  fs.mkdirSync(path.join(dir, "lock"), { recursive: true })
  fs.writeFileSync(path.join(dir, "lock", "pid-left"), JSON.stringify(holder))
}

const boot = fs.existsSync("/proc/sys/kernel/random/boot_id")
  ? fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
  : ""

describe("the lock", () => {
  it("names its holder while the store is open and goes with it", async (t) => {
    const dir = scratch(t)
    const store = await open(dir)
    assert.deepEqual(lockHolder(dir)?.pid, process.pid)
    assert.equal(lockHolder(dir)?.alive, true)
    const refused = await refusalOf(open(dir), "MR1301")
    assert.deepEqual(refused.details, { path: dir, pid: process.pid, host: os.hostname() })
    await store.close()
    assert.equal(lockHolder(dir), undefined)
    assert.equal(fs.existsSync(path.join(dir, "lock")), false)
  })

  it("of a dead process is taken over", async (t) => {
    const dir = scratch(t)
    leaveLock(dir, { pid: 2 ** 22 + 1, host: os.hostname(), started: "1", boot })
    assert.equal(lockHolder(dir)?.alive, false)
    await (await open(dir)).close()
  })

  it("of a process whose number another one has now is taken over", async (t) => {
    const dir = scratch(t)
    leaveLock(dir, { pid: process.pid, host: os.hostname(), started: "1", boot })
    await (await open(dir)).close()
  })

  it("from before the last boot is taken over", async (t) => {
    const dir = scratch(t)
    leaveLock(dir, { pid: 1, host: os.hostname(), started: "1", boot: "another" })
    await (await open(dir)).close()
  })

  it("that a power cut left unreadable is taken over", async (t) => {
    const dir = scratch(t)
    fs.mkdirSync(path.join(dir, "lock"))
    fs.writeFileSync(path.join(dir, "lock", "pid-left"), "\0\0\0")
    await (await open(dir)).close()
  })

  it("of another host is refused, with what to do if that host is gone", async (t) => {
    const dir = scratch(t)
    leaveLock(dir, { pid: 12, host: "elsewhere", started: "1", boot })
    const { message } = await refusalOf(open(dir), "MR1301")
    assert.match(message, /process 12 on host elsewhere.*remove .*lock/)
  })

  it("goes to exactly one of many that find it stale", async (t) => {
    const dir = scratch(t)
    leaveLock(dir, { pid: process.pid, host: os.hostname(), started: "1", boot })
    const taken = await Promise.all(
      Array.from({ length: 20 }, () =>
        Promise.resolve()
          .then(() => DirectoryLock.take(dir))
          .catch(() => undefined),
      ),
    )
    assert.equal(taken.filter((lock) => lock !== undefined).length, 1)
    assert.deepEqual(fs.readdirSync(dir), ["lock"], "nothing else is left behind")
  })

  it("is released when opening fails", async (t) => {
    const dir = scratch(t)
    fs.mkdirSync(path.join(dir, "journal"))
    fs.writeFileSync(path.join(dir, "journal", "00000000000000000007.journal"), Buffer.alloc(100))
    fs.writeFileSync(path.join(dir, "VERSION"), "2\n")
    await refusalOf(open(dir), "MR1302")
    assert.equal(lockHolder(dir), undefined)
  })
})

describe("the version", () => {
  it("is written into a new directory", async (t) => {
    const dir = path.join(scratch(t), "deep", "data")
    await (await open(dir)).close()
    assert.equal(fs.readFileSync(path.join(dir, "VERSION"), "utf8"), "2\n")
  })

  for (const found of ["1", "3", "0", "", "\u0001", "2 "]) {
    it(`${JSON.stringify(found)} is ${found.trim() === "2" ? "taken" : "refused"}`, async (t) => {
      const dir = scratch(t)
      await (await open(dir)).close()
      fs.writeFileSync(path.join(dir, "VERSION"), found)
      if (found.trim() === "2") await (await open(dir)).close()
      else assert.match((await refusalOf(open(dir), "MR1305")).message, /VERSION says .* reads version 2/)
    })
  }

  it("that is missing beside a journal is refused", async (t) => {
    const dir = scratch(t)
    await (await open(dir)).close()
    fs.rmSync(path.join(dir, "VERSION"))
    await refusalOf(open(dir), "MR1305")
  })
})

describe("a directory that cannot be used", () => {
  it("on a read-only file system is refused with its path", async (t) => {
    const disk = mounted(t, "size=4m")
    if (disk === undefined) return
    const dir = path.join(disk.dir, "data")
    await (await open(dir)).close()
    disk.remount("ro")
    const { message, details } = await refusalOf(open(dir), "MR1304")
    assert.ok(message.includes(dir))
    assert.match(message, /read-only.*--data DIR/)
    assert.equal(details["code"], "EROFS")
    disk.remount("rw")
    await (await open(dir)).close()
  })

  it("below a file is refused with its path", async (t) => {
    const file = path.join(scratch(t), "file")
    fs.writeFileSync(file, "")
    const { message } = await refusalOf(open(path.join(file, "data")), "MR1304")
    assert.ok(message.includes(file))
    await refusalOf(open(file), "MR1304")
  })
})

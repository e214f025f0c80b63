/** PostgreSQL as Debian packs it: a server on a free port, in the directory that it is given. */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { chmodSync, chownSync, existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { freePort } from "../src/node-process.ts"
import type { Mode } from "./queue.ts"

/** What PostgreSQL's modes lose, and when. */
export const postgresModes: Readonly<Record<Mode, string>> = {
  M: "fsync off: a power cut may lose all, a killed server nothing",
  B: "synchronous_commit off: a power cut or a killed server loses about half a second",
  D: "synced before it is acknowledged",
}

const settings: Readonly<Record<Mode, readonly string[]>> = {
  M: ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"],
  B: ["-c", "synchronous_commit=off"],
  D: [],
}

export interface Postgres {
  /** For `pg`. */
  readonly url: string
  close(): Promise<void>
}

/** @throws when it is not installed */
export async function startPostgres(mode: Mode, dir: string): Promise<Postgres> {
  const bin = binaries()
  const data = join(dir, "data")
  // The server refuses to be root.
  const user = process.getuid?.() === 0 ? account() : undefined
  if (user !== undefined) {
    chmodSync(dir, 0o755)
    chownSync(dir, user.uid, user.gid)
  }
  const known = existsSync(join(data, "PG_VERSION"))
  if (!known) execFileSync(join(bin, "initdb"), ["-D", data, "-U", "postgres", "--auth=trust", "--no-sync"], { stdio: "ignore", cwd: dir, ...user })
  const port = await freePort()
  const settled = ["-c", "max_connections=300", "-c", "shared_buffers=512MB", ...settings[mode]]
  const words = ["-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-k", dir, ...settled]
  let server = spawn(join(bin, "postgres"), words, { stdio: "ignore", cwd: dir, ...user })
  for (let failures = 0; !isReady(bin, port); ) {
    await sleep(50)
    if (server.exitCode === null) continue
    // After a kill the processes of the old server need a moment to notice.
    if (!known || ++failures > 100) throw new Error(`postgres ended with ${server.exitCode}`)
    server = spawn(join(bin, "postgres"), words, { stdio: "ignore", cwd: dir, ...user })
  }
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async close() {
      const ended = once(server, "exit")
      server.kill("SIGQUIT")
      await ended
    },
  }
}

function isReady(bin: string, port: number): boolean {
  try {
    execFileSync(join(bin, "pg_isready"), ["-h", "127.0.0.1", "-p", String(port)], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/** Debian keeps each major version's programs in a directory of their own; the newest is taken. */
function binaries(): string {
  const home = "/usr/lib/postgresql"
  const versions = existsSync(home) ? readdirSync(home).toSorted((a, b) => Number(b) - Number(a)) : []
  const bin = versions.map((version) => join(home, version, "bin")).find((each) => existsSync(join(each, "initdb")))
  if (bin === undefined) throw new Error("PostgreSQL is not installed: apt-get install postgresql")
  return bin
}

function account(): { readonly uid: number; readonly gid: number } {
  const id = (what: string): number => Number(execFileSync("id", [what, "postgres"], { encoding: "utf8" }))
  return { uid: id("-u"), gid: id("-g") }
}

/** What `millrace doctor` looks at: each check gives findings, a finding says how to mend what it finds. */
import { accessSync, constants, existsSync, statfsSync } from "node:fs"
import path from "node:path"
import { errorData } from "@millrace/model"
import { inspectDirectory, type Inspection } from "./compose.ts"

export interface Finding {
  /** What was looked at: `node`, `data`, `lock`, `journal`, `disk`, `address`. */
  readonly check: string
  readonly state: "ok" | "warn" | "fail"
  readonly found: string
  /** What to do about it; absent when all is well. */
  readonly mend?: string
}

const nodeMajorMin = 22
const nodeMinorMin = 18
const freeBytesWarn = 2 * 1024 ** 3
const freeBytesFail = 256 * 1024 ** 2

/** @param version - as `process.versions.node` */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  if (major > nodeMajorMin || (major === nodeMajorMin && minor >= nodeMinorMin))
    return { check: "node", state: "ok", found: `Node.js ${version}` }
  return {
    check: "node",
    state: "fail",
    found: `Node.js ${version}, which does not run TypeScript as it is`,
    mend: `Install Node.js ${nodeMajorMin}.${nodeMinorMin} or newer.`,
  }
}

/** The data directory: that it can be written, its version, who holds it, and whether the journal is whole. */
export async function checkData(dir: string): Promise<Finding[]> {
  if (!existsSync(dir))
    return [{ check: "data", state: "ok", found: `${dir} is not there yet; the first start makes it` }]
  let seen: Inspection
  try {
    seen = await inspectDirectory(dir)
  } catch (error) {
    return [
      checkWritable(dir),
      {
        check: "data",
        state: "fail",
        found: errorData(error).message,
        mend: "Give this user the right to read it, or restore it from a copy.",
      },
    ]
  }
  return [checkWritable(dir), ...versionOf(seen), ...lockOf(seen), ...journalOf(seen)]
}

function versionOf({ dir, version, versionWanted, segments }: Inspection): Finding[] {
  const check = "data"
  if (version === versionWanted) return [{ check, state: "ok", found: `format ${version}` }]
  if (version === undefined && segments.length === 0) return [{ check, state: "ok", found: "no data yet" }]
  const says = version === undefined ? "is missing" : `says ${version}`
  const found = `${path.join(dir, "VERSION")} ${says}; this program reads format ${versionWanted} (MR1305)`
  const mend = "Run the Millrace that wrote the directory, or choose another place with --data."
  return [{ check, state: "fail", found, mend }]
}

function lockOf({ holder }: Inspection): Finding[] {
  if (holder === undefined) return [{ check: "lock", state: "ok", found: "no node holds the directory" }]
  const who = `process ${holder.pid} on ${holder.host}`
  if (holder.alive) return [{ check: "lock", state: "ok", found: `held by ${who}, which is running` }]
  return [{ check: "lock", state: "ok", found: `left by ${who}, which is gone; the next start takes it over` }]
}

function journalOf(seen: Inspection): Finding[] {
  const check = "journal"
  const { segments, damage, tornBytes, journalBytes, acknowledgedCommits = 0, foldedCommits = 0, holder } = seen
  if (damage.length > 0) {
    const mend = "Restore the directory from a copy; docs/errors/MR1302.md says what else can be done."
    return damage.map(({ file, position, what }) => {
      return { check, state: "fail", found: `${file}, byte ${position}: ${what} (MR1302)`, mend }
    })
  }
  const size = `${(journalBytes / 1024 ** 2).toFixed(1)} MB in ${segments.length} segments`
  const commits = `${segments.at(-1)?.endCommit ?? 0} commits`
  const known = `${acknowledgedCommits} acknowledged, ${foldedCommits} in the checkpoint`
  const found = `${size}, every frame whole: ${commits}, ${known}`
  const findings: Finding[] = [{ check, state: "ok", found }]
  if (tornBytes > 0 && holder?.alive !== true) {
    const torn = `${tornBytes} bytes at the end were being written as the node died; the next start cuts them off`
    findings.push({ check, state: "ok", found: `${torn}, nobody was promised them` })
  }
  return findings
}

function checkWritable(dir: string): Finding {
  try {
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK)
    return { check: "data", state: "ok", found: `${dir}, which this user can read and write` }
  } catch {
    return {
      check: "data",
      state: "fail",
      found: `${dir} cannot be read and written by this user`,
      mend: "Give this user the right to, or choose another place with --data.",
    }
  }
}

/** Free space where the data directory is, or will be. */
export function checkDisk(dir: string): Finding {
  let place = path.resolve(dir)
  while (!existsSync(place)) place = path.dirname(place)
  const { bavail, bsize } = statfsSync(place)
  const free = bavail * bsize
  const found = `${(free / 1024 ** 3).toFixed(1)} GB free at ${place}`
  if (free < freeBytesFail)
    return {
      check: "disk",
      state: "fail",
      found,
      mend: "Free some space; a full disk stops the node until it can write again.",
    }
  if (free < freeBytesWarn) return { check: "disk", state: "warn", found, mend: "Free some space before it runs out." }
  return { check: "disk", state: "ok", found }
}

/** What answers at the node's address. */
export async function checkAddress(url: string): Promise<Finding> {
  const check = "address"
  let answer: Response
  try {
    answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(answerMsMax) })
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const code = (cause as { code?: string }).code
    if (code === "ECONNREFUSED")
      return { check, state: "ok", found: `nothing listens at ${url}; a node can start there` }
    return {
      check,
      state: "warn",
      found: `${url} does not answer (${code ?? String(cause)})`,
      mend: "Check the address, and what stands between here and there.",
    }
  }
  const body = (await answer.json().catch(() => undefined)) as
    { readonly code?: string; readonly detail?: string; readonly status?: unknown } | undefined
  if (answer.status === 200 && body?.status !== undefined)
    return { check, state: "ok", found: `a node answers at ${url} and is ready` }
  if (body?.code?.startsWith("MR") === true) {
    return {
      check,
      state: "warn",
      found: `a node answers at ${url} but is not ready: ${body.detail ?? body.code}`,
      mend: `See docs/errors/${body.code}.md.`,
    }
  }
  return {
    check,
    state: "fail",
    found: `something that is no Millrace node answers at ${url}`,
    mend: "Stop it, or start the node elsewhere with --port.",
  }
}

const answerMsMax = 3_000

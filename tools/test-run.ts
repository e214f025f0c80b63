// Runs test files, each in a process of its own, and cannot wait for ever: a file that says nothing for too long, or whose process
// stays when its tests are over, is named with what it left open, ended, and counts as failed. It does not end files that are well,
// as node's `--test-force-exit` does, which loses their last lines.
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { run } from "node:test"
import { dot, junit, spec, tap } from "node:test/reporters"
import { pathToFileURL } from "node:url"

/** How node reports. */
export type Reporter = "spec" | "dot" | "tap" | "junit"

export interface TestRun {
  readonly files: readonly string[]
  readonly concurrency: number
  readonly reporter: Reporter
  readonly namePatterns: readonly string[]
  readonly skipPatterns: readonly string[]
  readonly only: boolean
  /** Milliseconds from one report of a file to its next. */
  readonly silentMsMax: number
  /** Milliseconds that a file's process may stay after its last test. */
  readonly leavingMsMax: number
}

/** Milliseconds from asking a process what it has left open to killing it, and from there to giving up on the run. */
const endingMs = 5_000

/** One file that has begun and not ended. */
interface Going {
  /** Tests that have begun and not ended. */
  open: number
  /** Whether a test has ended. */
  tested: boolean
  heardAt: number
  endedAt?: number
}

/** Resolves to whether all is well. */
export async function runTests(what: TestRun): Promise<boolean> {
  const pids = fs.mkdtempSync(path.join(os.tmpdir(), "millrace-tests-"))
  // Each file's process inherits it; run() takes no environment of its own.
  process.env["MILLRACE_TEST_PIDS"] = pids
  const stop = new AbortController()
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort())

  let good = true
  const going = new Map<string, Going>()
  const events = run({
    files: [...what.files],
    concurrency: what.concurrency,
    execArgv: ["--conditions=@millrace/source", `--import=${pathToFileURL(path.join(import.meta.dirname, "test-guard.ts")).href}`],
    signal: stop.signal,
    only: what.only,
    ...(what.namePatterns.length === 0 ? {} : { testNamePatterns: [...what.namePatterns] }),
    ...(what.skipPatterns.length === 0 ? {} : { testSkipPatterns: [...what.skipPatterns] }),
  })
  const heard = (file: string | undefined): Going | undefined => {
    const of = going.get(file ?? "")
    if (of !== undefined) of.heardAt = performance.now()
    return of
  }
  events.on("test:dequeue", ({ name, file }) => {
    // A file is a test too, named by its path.
    if (name === file) going.set(name, { open: 0, tested: false, heardAt: performance.now() })
  })
  events.on("test:enqueue", ({ name, file }) => {
    const of = heard(file)
    if (of !== undefined && name !== file) of.open++
  })
  events.on("test:complete", ({ name, file }) => {
    const of = heard(file)
    if (name === file) going.delete(name)
    else if (of !== undefined) {
      of.open--
      of.tested = true
    }
  })
  events.on("test:stdout", ({ file }) => heard(file))
  events.on("test:stderr", ({ file }) => heard(file))
  events.on("test:fail", () => {
    good = false
  })

  const watch = setInterval(() => {
    const now = performance.now()
    for (const [file, of] of going) {
      const silentMs = now - of.heardAt
      if (of.endedAt === undefined) {
        const left = of.tested && of.open === 0
        if (silentMs <= (left ? what.leavingMsMax : what.silentMsMax)) continue
        const seconds = (silentMs / 1000).toFixed(0)
        console.error(
          left
            ? `${name(file)}: its tests are over for ${seconds} s, but its process stays. It has left open:`
            : `${name(file)}: nothing heard for ${seconds} s, so it is ended as failed. Open now (nothing said means that it blocks its thread):`,
        )
        of.endedAt = now
        kill(pidOf(pids, file), "SIGQUIT")
      } else if (now - of.endedAt > 2 * endingMs) {
        // What it started holds its output, so node waits on.
        console.error(`${name(file)}: its process is dead, but a process that it started holds its output; the run ends here, as failed`)
        process.exit(1)
      } else if (now - of.endedAt > endingMs) kill(pidOf(pids, file), "SIGKILL")
    }
  }, 250)
  watch.unref()

  try {
    const reporter = { spec: () => new spec(), dot: () => dot, tap: () => tap, junit: () => junit }[what.reporter]()
    for await (const text of events.compose(reporter as NodeJS.ReadWriteStream)) process.stdout.write(text)
  } finally {
    clearInterval(watch)
    fs.rmSync(pids, { recursive: true, force: true })
  }
  return good && !stop.signal.aborted
}

function name(file: string): string {
  return path.relative(process.cwd(), file)
}

function pidOf(folder: string, file: string): number | undefined {
  const found = fs.readdirSync(folder).find((pid) => fs.readFileSync(path.join(folder, pid), "utf8") === file)
  return found === undefined ? undefined : Number(found)
}

function kill(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended by itself.
  }
}

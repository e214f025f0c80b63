/**
 * What V8 and the C library can be told about memory only as a process begins. So a node begins once more, in the same process, with what it
 * should have had. Not for programs that open a node by themselves: they choose their own.
 *
 * - Left alone, V8 gives the first thread up to 134 MB for what is young, keeps them, and puts the limit of the rest so near that under load each
 *   task begins a walk of the whole heap. The threads that run user code are held by `resourceLimits`; the first has none.
 * - A thread's heap may grow to four times what lives before it is collected; to one and a half times is enough.
 * - glibc keeps what threads have freed, in up to eight heaps a core, and raises by itself the size from which it gives memory back at once.
 */
import { availableParallelism } from "node:os"

/** A half of what is young, in megabytes: what the workers have, too; and how far the rest may grow beyond what lives, in percent. */
const words = ["--max-semi-space-size=16", "--heap-growing-percent=50"] as const

/** Read by glibc (mallopt(3)), by nobody else. Bytes. */
const megabyte = String(1024 ** 2)
const settings: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: String(Math.max(2, availableParallelism())),
  MALLOC_MMAP_THRESHOLD_: megabyte,
  MALLOC_TRIM_THRESHOLD_: megabyte,
}

/** Commands that run a node. */
const nodes: ReadonlySet<string> = new Set(["start", "dev"])

export type Begun = Pick<NodeJS.Process, "argv" | "env" | "execArgv" | "execPath">

/**
 * The words to begin with once more, the program first.
 *
 * @returns undefined where nothing is to be changed: no node, or somebody has said how much memory it takes, or looks into it
 */
export function wordsAnew({ argv, env, execArgv, execPath }: Begun): readonly string[] | undefined {
  if (!nodes.has(argv[2] ?? "")) return undefined
  const said = [...execArgv, env["NODE_OPTIONS"] ?? ""].join(" ")
  if (/semi[-_]space|--inspect|max[-_]heap[-_]size|heap[-_]growing/.test(said)) return undefined
  return [execPath, ...words, ...execArgv, ...argv.slice(1)]
}

/** The environment to begin with once more: what somebody has said holds. */
export function settingsAnew(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...settings, ...env }
}

/** For the children of a process that has begun again: they choose their own. */
export function withoutSettings({ execArgv, env }: Pick<Begun, "execArgv" | "env">): void {
  if (!words.every((word) => execArgv.includes(word))) return
  for (const [name, value] of Object.entries(settings)) if (env[name] === value) delete env[name]
}

/** Does not return where the system can put one program in another's place: not on Windows, nor with a channel to a parent, which would be lost. */
export function beginAnew(process: NodeJS.Process): void {
  withoutSettings(process)
  const all = wordsAnew(process)
  if (all === undefined || process.execve === undefined || process.connected) return
  process.execve(process.execPath, all, settingsAnew(process.env))
}

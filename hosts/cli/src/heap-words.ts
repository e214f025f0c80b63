/**
 * What V8 can be told about the first thread's heap only as a process begins. Left alone it gives the thread up to 134 MB for what is young, keeps
 * them, and puts the limit of the rest so near that under load each task begins a walk of the whole heap. The threads that run user code are
 * held by `resourceLimits`; the first has none. So a node begins once more, in the same process, with the words that it should have had.
 * Not for programs that open a node by themselves: they choose their own.
 */

/** A half of what is young, in megabytes: what the workers have, too. */
const word = "--max-semi-space-size=16"

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
  if (/semi[-_]space|--inspect|max[-_]heap[-_]size/.test(said)) return undefined
  return [execPath, word, ...execArgv, ...argv.slice(1)]
}

/** Does not return where the system can put one program in another's place: not on Windows, nor with a channel to a parent, which would be lost. */
export function beginAnew(process: NodeJS.Process): void {
  const words = wordsAnew(process)
  if (words === undefined || process.execve === undefined || process.connected) return
  process.execve(process.execPath, words, process.env)
}

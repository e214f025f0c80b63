/**
 * What the user's own TypeScript says of a service's files, in a process of its own: a service runs whether or not its types are right,
 * so nothing waits for this. Where there is no `typescript` beside the service, nothing is checked.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { constants, setPriority } from "node:os"
import path from "node:path"

/** A fault of types. */
export interface TypeFault {
  readonly file: string
  readonly line: number
  readonly column: number
  /** Such as `TS2322`. */
  readonly code: string
  readonly message: string
}

/** Milliseconds that a check may take. */
const checkMsMax = 120_000

/** For a service without a tsconfig.json: as Node runs it. */
const plainOptions = {
  target: "es2024",
  module: "nodenext",
  moduleResolution: "nodenext",
  strict: true,
  skipLibCheck: true,
  types: ["node"],
}

export class TypeCheck {
  readonly #file: string
  readonly #conditions: readonly string[]
  readonly #onResult: (faults: readonly TypeFault[]) => void
  #child: ChildProcess | undefined
  #config: string | undefined

  /** @param words - those of Node's command line: packages are found under the conditions that they name, as when the service runs */
  constructor(file: string, onResult: (faults: readonly TypeFault[]) => void, words: readonly string[] = process.execArgv) {
    this.#file = file
    this.#conditions = conditionsIn(words)
    this.#onResult = onResult
  }

  /** Begins a check; one that is under way is of no interest any more. */
  begin(): void {
    this.close()
    const project = projectOf(this.#file, this.#conditions)
    if (project === undefined) return
    this.#config = project.config
    const child = spawn(process.execPath, [project.compiler, "--project", project.config, "--pretty", "false"], {
      stdio: ["ignore", "pipe", "ignore"],
      timeout: checkMsMax,
    })
    this.#child = child
    let said = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text))
    child.on("error", () => undefined)
    child.on("close", (code) => {
      if (this.#child !== child) return
      this.close()
      if (code !== null) this.#onResult(faultsOf(said))
    })
    try {
      // The service goes first.
      if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW)
    } catch {
      // It has ended, or the system does not allow it.
    }
  }

  close(): void {
    if (this.#config !== undefined) rmSync(this.#config, { force: true })
    this.#config = undefined
    this.#child?.kill("SIGKILL")
    this.#child = undefined
  }
}

interface Project {
  /** The module that is `tsc`. */
  readonly compiler: string
  readonly config: string
}

/** A project of this file and what it imports, with the options of the user's own; undefined: no TypeScript here. */
function projectOf(file: string, conditions: readonly string[]): Project | undefined {
  try {
    const manifest = createRequire(file).resolve("typescript/package.json")
    const { bin } = JSON.parse(readFileSync(manifest, "utf8")) as { readonly bin: { readonly tsc: string } }
    // In node_modules, where caches go and from where types are found.
    const dir = path.join(path.dirname(manifest), "../.cache/millrace")
    mkdirSync(dir, { recursive: true })
    const config = path.join(dir, `tsconfig.${process.pid}.json`)
    const own = tsconfigOf(path.dirname(file))
    writeFileSync(
      config,
      JSON.stringify({
        ...(own === undefined ? {} : { extends: own }),
        compilerOptions: {
          ...(own === undefined ? plainOptions : {}),
          ...(conditions.length === 0 ? {} : { customConditions: conditions }),
          noEmit: true,
          allowImportingTsExtensions: true,
          composite: false,
          incremental: false,
          declaration: false,
          isolatedDeclarations: false,
        },
        files: [file],
        include: [],
        references: [],
      }),
    )
    return { compiler: path.join(path.dirname(manifest), bin.tsc), config }
  } catch {
    return undefined
  }
}

/** `--conditions=a`, `--conditions a` and `-C a`. */
function conditionsIn(words: readonly string[]): readonly string[] {
  return words.flatMap((word, i) => {
    const [, given] = /^(?:--conditions|-C)=(.+)$/.exec(word) ?? []
    if (given !== undefined) return [given]
    const next = words[i + 1]
    return (word === "--conditions" || word === "-C") && next !== undefined ? [next] : []
  })
}

function tsconfigOf(dir: string): string | undefined {
  const here = path.join(dir, "tsconfig.json")
  if (existsSync(here) && !isListOfProjects(here)) return here
  const above = path.dirname(dir)
  return above === dir ? undefined : tsconfigOf(above)
}

/** Whether a file only names projects that are elsewhere: it has no options for what lies beside it. */
function isListOfProjects(file: string): boolean {
  try {
    const { compilerOptions, extends: base, references } = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, unknown>>
    return references !== undefined && compilerOptions === undefined && base === undefined
  } catch {
    // With comments, say.
    return false
  }
}

/** `src/service.ts(3,5): error TS2322: Type …`, relative to where the compiler was started, with further lines that are indented. */
function faultsOf(said: string): readonly TypeFault[] {
  return [...said.matchAll(/^(.+)\((\d+),(\d+)\): error (TS\d+): (.+)$/gm)].map(([, file = "", line, column, code = "", message = ""]) => ({
    file: path.resolve(file),
    line: Number(line),
    column: Number(column),
    code,
    message,
  }))
}

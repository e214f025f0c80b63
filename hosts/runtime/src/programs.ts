/** Loads service modules: imports each file and compiles the services that it exports. User code runs here. */
import { statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { together } from "@millrace/engine"
import { type FunctionPlan, MillraceError, type Program, isMillraceError } from "@millrace/model"
import { compile, isService } from "@millrace/sdk"
import { checkCron } from "./worker-compose.ts"

/**
 * @throws MR1104 when a module cannot be imported or exports no service, MR1102 when two services share a name, MR1103
 * when two write one stream, and what `compile` throws
 */
export async function loadPrograms(files: readonly string[]): Promise<readonly Program[]> {
  const programs: Program[] = []
  for (const file of files) {
    const services = (await exportsOf(file)).filter(isService)
    if (services.length === 0) {
      throw new MillraceError("MR1104", `${file}: it exports no service; write \`export default service("name", [ … ])\`.`, { file })
    }
    for (const service of services) {
      const program = withHandlers(compile(service), file)
      const { service: name } = program.plan
      if (programs.some(({ plan }) => plan.service === name)) {
        throw new MillraceError("MR1102", `${file}: there is already a service "${name}" on this node; give it another name.`, { file })
      }
      for (const { name: task, crons } of program.plan.tasks) for (const cron of crons) checkCron(cron, `service "${name}", task "${task}"`)
      for (const { name: called } of program.plan.functions) {
        if (!programs.some(({ plan }) => plan.functions.some((other) => other.name === called))) continue
        throw new MillraceError("MR1102", `${file}: there is already a function "${called}" on this node; give it another name.`, { file, function: called })
      }
      programs.push(program)
    }
  }
  return together(programs)
}

/** Handlers are named by files beside the service's: here it is known where that is. */
function withHandlers(program: Program, file: string): Program {
  const { plan } = program
  if (plan.functions.length === 0) return program
  const functions = Object.freeze(plan.functions.map((each) => withHandler(each, plan.service, file)))
  return Object.freeze({ ...program, plan: Object.freeze({ ...plan, functions }) })
}

function withHandler(plan: FunctionPlan, service: string, file: string): FunctionPlan {
  const { source } = plan
  if (source.kind === "typed") return Object.freeze({ ...plan, source: Object.freeze({ ...source, file }) })
  const named = source.file.startsWith("file:") ? fileURLToPath(source.file) : resolve(dirname(file), source.file)
  if (statSync(named, { throwIfNoEntry: false })?.isFile() !== true) {
    const message = `service "${service}", function "${plan.name}": there is no file ${source.file} beside ${file}. Mend the path of its handler.`
    throw new MillraceError("MR1103", message, { file: named, function: plan.name })
  }
  return Object.freeze({ ...plan, source: Object.freeze({ ...source, file: named }) })
}

async function exportsOf(file: string): Promise<unknown[]> {
  try {
    const exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>
    // A service may be exported both by name and as default.
    return [...new Set(Object.values(exported))]
  } catch (cause) {
    if (isMillraceError(cause)) throw cause
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    throw new MillraceError("MR1104", `${file}: it could not be imported: ${reason}`, { file }, cause)
  }
}

/** Loads service modules: imports each file and compiles the services that it exports. User code runs here. */
import { statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { together } from "@millrace/engine"
import { type FunctionPlan, MillraceError, type Program, isMillraceError, routeShape } from "@millrace/model"
import { type Service, compile, isService } from "@millrace/sdk"
import { importFault } from "./import-fault.ts"
import { checkCron } from "./worker-compose.ts"

/**
 * @param loaded - files that were read so far, to look for the place of a fault in
 * @throws MR1104 when a module cannot be imported or exports no service, MR1102 when two services share a name, MR1103
 * when two write one stream, and what `compile` throws
 */
export async function loadPrograms(files: readonly string[], loaded: () => readonly string[] = () => []): Promise<readonly Program[]> {
  const programs: Program[] = []
  for (const file of files) {
    const services = (await exportsOf(file, loaded)).filter(isService)
    if (services.length === 0) {
      throw new MillraceError("MR1104", `${file}: it exports no service; write \`export default service("name", [ … ])\`.`, { file })
    }
    for (const service of services) {
      const program = programOf(service, file)
      const { service: name } = program.plan
      if (programs.some(({ plan }) => plan.service === name)) {
        throw new MillraceError("MR1102", `${file}: there is already a service "${name}" on this node; give it another name.`, { file })
      }
      assertApart(program, programs, file)
      programs.push(program)
    }
  }
  return together(programs)
}

/**
 * A service as a node runs it.
 *
 * @param file - the module that exports it
 * @throws what `compile` throws, MR1103 when the file of a handler is not there, MR1101 for a cron that cannot be read or is never due
 */
export function programOf(service: Service, file: string): Program {
  const program = withHandlers(compile(service), file)
  const { service: name, tasks } = program.plan
  for (const { name: task, crons } of tasks) for (const cron of crons) checkCron(cron, `service "${name}", task "${task}"`)
  return program
}

/** Functions of all services on a node are called by their names, and over HTTP by their routes. */
function assertApart({ plan }: Program, before: readonly Program[], file: string): void {
  const others = before.flatMap((program) => program.plan.functions)
  for (const { name, http } of plan.functions) {
    if (others.some((other) => other.name === name)) {
      throw new MillraceError("MR1102", `${file}: there is already a function "${name}" on this node; give it another name.`, { file, function: name })
    }
    for (const route of http?.routes ?? []) {
      const other = others.find((each) => each.http?.routes.some((its) => routeShape(its) === routeShape(route)))
      if (other === undefined) continue
      throw new MillraceError("MR1103", `${file}: the functions "${other.name}" and "${name}" both answer "${route.key}"; give one of them another path or method.`, { file, route: route.key })
    }
  }
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

async function exportsOf(file: string, loaded: () => readonly string[]): Promise<unknown[]> {
  try {
    const exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>
    // A service may be exported both by name and as default.
    return [...new Set(Object.values(exported))]
  } catch (cause) {
    if (isMillraceError(cause)) throw cause
    throw importFault(cause, file, loaded())
  }
}

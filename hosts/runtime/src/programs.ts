/** Loads service modules: imports each file and compiles the services that it exports. User code runs here. */
import { pathToFileURL } from "node:url"
import { together } from "@millrace/engine"
import { MillraceError, type Program, isMillraceError } from "@millrace/model"
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
      const program = compile(service)
      const { service: name } = program.plan
      if (programs.some(({ plan }) => plan.service === name)) {
        throw new MillraceError("MR1102", `${file}: there is already a service "${name}" on this node; give it another name.`, { file })
      }
      for (const { name: task, crons } of program.plan.tasks) for (const cron of crons) checkCron(cron, `service "${name}", task "${task}"`)
      programs.push(program)
    }
  }
  return together(programs)
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

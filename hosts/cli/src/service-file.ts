/** Files that export services, as users name them on the command line. */
import { statSync } from "node:fs"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { isMillraceError, MillraceError } from "@millrace/model"
import { type Service, serviceOf } from "@millrace/sdk"

/**
 * The absolute path of a service's file.
 *
 * @throws MR1104 when there is no such file
 */
export function serviceFile(name: string): string {
  const file = path.resolve(name)
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new MillraceError("MR1104", `There is no file ${name}. Give the path of a module that exports a service.`, {
      file,
    })
  }
  return file
}

/**
 * Imports a file, which runs its code, and gives the service that it exports.
 *
 * @throws MR1104 when it cannot be imported or exports no service, and what its definitions throw
 */
export async function loadService(name: string): Promise<Service> {
  const file = serviceFile(name)
  let exported: Record<string, unknown>
  try {
    exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>
  } catch (cause) {
    if (isMillraceError(cause)) throw cause
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    throw new MillraceError("MR1104", `${name} could not be imported: ${reason}`, { file }, cause)
  }
  return serviceOf(exported, name)
}

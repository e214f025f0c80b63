/** Runs the file of a service, for what is done without a node. */
import { pathToFileURL } from "node:url"
import { isMillraceError, MillraceError } from "@millrace/model"
import { type Service, serviceOf } from "@millrace/sdk"
import { serviceFile } from "./service-file.ts"

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

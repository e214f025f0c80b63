/** Runs the file of a service, for what is done without a node. */
import { pathToFileURL } from "node:url"
import { isMillraceError } from "@millrace/model"
import { type Service, serviceOf } from "@millrace/sdk"
import { filesOf } from "./imports.ts"
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
    const { importFault } = await import("@millrace/runtime")
    throw importFault(cause, file, [...(await filesOf(file))])
  }
  return serviceOf(exported, name)
}

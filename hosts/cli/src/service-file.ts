/** The path of a service, as users name it on the command line. */
import { statSync } from "node:fs"
import path from "node:path"
import { MillraceError } from "@millrace/model"

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

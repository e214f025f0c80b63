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
  // npm runs scripts in the folder of their package.json, and says in INIT_CWD where its user stands.
  const here = process.env["INIT_CWD"]
  const places = [path.resolve(name), ...(here === undefined ? [] : [path.resolve(here, name)])]
  const found = places.find((place) => statSync(place, { throwIfNoEntry: false })?.isFile() === true)
  if (found !== undefined) return found
  const [file = name] = places
  throw new MillraceError("MR1104", `There is no file ${file}. Give the path of a module that exports a service.`, { file })
}

/** Makes a handler of a typed function: its code is in the service, so the service's file is loaded. Runs in instances. */
import { loadPrograms } from "../programs.ts"
import type { Handler } from "./handler-module.ts"

export async function typedHandler(file: string, name: string): Promise<Handler> {
  const programs = await loadPrograms([file])
  const code = programs.map(({ functions }) => functions.get(name)).find((found) => found !== undefined)
  if (code === undefined) throw new Error(`${file} has no function "${name}".`)
  return async (event, context) => (code.run as (input: unknown, ctx: unknown) => unknown)(event, context)
}

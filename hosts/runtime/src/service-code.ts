/**
 * The code of the services that run: the modules that export them, and what the first thread that loaded them read. Each
 * later thread runs the same text, whatever the files hold by then: a worker that is replaced, or starts again after a quiet night,
 * does not pick up a half-edited file. What a module imports while it runs, rather than when it is loaded, is read from the disk then.
 *
 * Not for: packages under node_modules, and what survives the process: a node that starts reads its files.
 */
import { type LoadHookContext, registerHooks } from "node:module"
import { pathToFileURL } from "node:url"

/** A module as it was read. */
export interface HeldModule {
  readonly format: string
  readonly text: string
}

export interface ServiceCode {
  /** Modules that export services, by absolute path. */
  readonly files: readonly string[]
  /** By URL; undefined: no thread has loaded them yet. */
  readonly modules?: ReadonlyMap<string, HeldModule>
}

/**
 * From now on this thread loads the modules of `code` as they were first read. Returns those that are loaded from the disk.
 * To be called once, before the services are imported.
 */
export function holdModules({ modules }: ServiceCode): ReadonlyMap<string, HeldModule> {
  const read = new Map<string, HeldModule>()
  registerHooks({
    resolve(specifier, context, next) {
      const url = modules === undefined ? undefined : fileOf(specifier, context.parentURL)
      const held = url === undefined ? undefined : modules?.get(url)
      // Without a look at the disk: the file may be gone.
      return url === undefined || held === undefined ? next(specifier, context) : { url, format: held.format, shortCircuit: true }
    },
    load(url, context: LoadHookContext, next) {
      const held = modules?.get(url)
      if (held !== undefined) return { format: held.format, source: held.text, shortCircuit: true }
      const loaded = next(url, context)
      const { format, source } = loaded
      if (url.startsWith("file:") && !url.includes("/node_modules/") && typeof format === "string" && source !== undefined && source !== null) {
        read.set(url, { format, text: typeof source === "string" ? source : Buffer.from(source as Uint8Array).toString() })
      }
      return loaded
    },
  })
  return read
}

/** The URL of a file that is named by its path or URL; undefined for a package. */
function fileOf(specifier: string, parent: string | undefined): string | undefined {
  if (/^\.{0,2}\//.test(specifier)) return new URL(specifier, parent ?? pathToFileURL("/").href).href
  return specifier.startsWith("file:") ? specifier : undefined
}

/** Watches the files that a service is made of, and says when they have changed. */
import { type FSWatcher, watch } from "node:fs"
import path from "node:path"
import { filesOf } from "./imports.ts"

/** Editors write a file in several steps; what comes within this time is one change. */
const settleMs = 50

export class ServiceWatch {
  readonly #file: string
  readonly #onChange: () => void
  #files: ReadonlySet<string> = new Set()
  readonly #watchers: Map<string, FSWatcher> = new Map()
  #timer: NodeJS.Timeout | undefined

  /** @param onChange - called once for all that changed at about the same time */
  constructor(file: string, onChange: () => void) {
    this.#file = file
    this.#onChange = onChange
  }

  /** Looks anew at what the service is made of. Directories are watched, as editors replace files. */
  async refresh(): Promise<void> {
    this.#files = await filesOf(this.#file)
    const directories = new Set([...this.#files].map((file) => path.dirname(file)))
    for (const [directory, watcher] of this.#watchers) {
      if (directories.has(directory)) continue
      watcher.close()
      this.#watchers.delete(directory)
    }
    for (const directory of directories) if (!this.#watchers.has(directory)) this.#watch(directory)
  }

  get size(): number {
    return this.#files.size
  }

  close(): void {
    clearTimeout(this.#timer)
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #watch(directory: string): void {
    try {
      const watcher = watch(directory, (_, name) => {
        if (name === null || this.#files.has(path.join(directory, name))) this.#changed()
      })
      watcher.on("error", () => this.#watchers.delete(directory))
      this.#watchers.set(directory, watcher)
    } catch {
      // The directory of an import that is not there: for it the service is refused, until another file of it changes.
    }
  }

  #changed(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#onChange, settleMs)
  }
}

/** Makes renames durable: fsync of their directories, one for all that wait for the same directory. */
import { open } from "node:fs/promises"

export class DirectorySync {
  /** The fsync of a directory that has begun: it may have missed what was renamed since. */
  readonly #running = new Map<string, Promise<void>>()
  /** The fsync that begins once the running one is over: it covers everyone who asks until then. */
  readonly #waiting = new Map<string, Promise<void>>()

  /** Resolves once all that was renamed in the directory before this call is durable. */
  sync(directory: string): Promise<void> {
    const waiting = this.#waiting.get(directory)
    if (waiting !== undefined) return waiting
    const running = this.#running.get(directory)
    if (running === undefined) return this.#run(directory)
    const next = running.then(
      () => this.#runWaiting(directory),
      // The failure is the running one's; this one tries for itself.
      () => this.#runWaiting(directory),
    )
    this.#waiting.set(directory, next)
    return next
  }

  #runWaiting(directory: string): Promise<void> {
    this.#waiting.delete(directory)
    return this.#run(directory)
  }

  #run(directory: string): Promise<void> {
    const run = fsyncDirectory(directory).finally(() => {
      if (this.#running.get(directory) === run) this.#running.delete(directory)
    })
    this.#running.set(directory, run)
    return run
  }
}

async function fsyncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

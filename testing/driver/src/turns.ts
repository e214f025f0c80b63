/** Calls that make something happen, one after the other, whether or not they were awaited; looking meanwhile is refused. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()
  #running = 0

  async take<T>(act: () => Promise<T>): Promise<T> {
    this.#running++
    const acting = this.#last.then(act)
    this.#last = acting.catch(() => undefined)
    try {
      return await acting
    } finally {
      this.#running--
    }
  }

  /** @param what - the call that looks, for the error */
  assertNone(what: string): void {
    if (this.#running > 0) throw new Error(`${what}() was called while the service is at work; await the call before it`)
  }
}

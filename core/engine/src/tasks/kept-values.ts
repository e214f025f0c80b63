/** The large values that the runs of a task have, by the names of their objects: whether one may be asked for, and when it may go. */
import type { StageContext } from "../context.ts"
import { flagCodec } from "../operators/flag-codec.ts"
import type { Scope } from "../state.ts"
import { isStored, storedValue } from "./stored-value.ts"

export class KeptValues {
  readonly #task: string
  readonly #context: StageContext
  readonly #names: Scope<true>

  constructor(task: string, context: StageContext, name: string) {
    this.#task = task
    this.#context = context
    this.#names = context.state.scope(name, flagCodec)
  }

  has(name: string): boolean {
    return this.#names.get(this.#names.bucket(0), name) !== undefined
  }

  /** A run has this text: its input, or its output. */
  keep(text: string): void {
    const stored = storedValue(text)
    if (stored !== undefined) this.#names.change(this.#names.bucket(0), stored.name, () => true)
  }

  /** Of these texts, the large ones are nobody's any more. */
  forget(texts: readonly string[]): void {
    const values = texts.filter(isStored)
    for (const value of values) this.#names.remove(this.#names.bucket(0), storedValue(value)?.name ?? "")
    if (values.length > 0) this.#context.effects.push({ kind: "forget", task: this.#task, values })
  }
}

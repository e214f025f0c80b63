/** Large inputs and outputs of tasks, as a node's object store has them: in memory, under names that are never given twice. */
import { type ValueStore, isStored, lostValue, storedValue, textOf } from "@millrace/engine"

export class LargeValues implements ValueStore {
  readonly #objects: Map<string, string> = new Map()
  #put = 0

  async put(task: string, json: string): Promise<string> {
    return this.keep(task, json)
  }

  /** As `put`, at once. */
  keep(task: string, json: string): string {
    const name = `${task}/${++this.#put}.json`
    this.#objects.set(name, json)
    return textOf({ name, bytes: Buffer.byteLength(json) })
  }

  async get(text: string): Promise<string> {
    return this.whole(text)
  }

  /** The JSON, wherever it is. @throws MR1503 when it is gone */
  whole(text: string): string {
    if (!isStored(text)) return text
    const name = storedValue(text)?.name ?? ""
    const json = this.#objects.get(name)
    if (json === undefined) throw lostValue(name, "there is no such object")
    return json
  }

  remove(texts: readonly string[]): void {
    for (const text of texts) this.#objects.delete(storedValue(text)?.name ?? "")
  }
}

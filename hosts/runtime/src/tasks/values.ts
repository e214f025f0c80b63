/**
 * Large values of tasks in the object store, under names made of what they hold. The place is opened when the first one comes. See
 * core/engine/src/tasks/stored-value.ts.
 */
import { createHash, randomUUID } from "node:crypto"
import { type ObjectPlace, type StoredValue, type ValueStore, lostValue, storedValue, textOf } from "@millrace/engine"
import { openObjects } from "./value-compose.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class Values implements ValueStore {
  readonly #at: string
  #place: Promise<ObjectPlace> | undefined

  /** @param at - a directory, or `s3://bucket/prefix` */
  constructor(at: string) {
    this.#at = at
  }

  async put(task: string, json: string | Uint8Array): Promise<string> {
    const bytes = typeof json === "string" ? encoder.encode(json) : json
    const name = `${task}/${hashOf(bytes)}-${randomUUID()}.json`
    await (await this.#opened()).put(name, bytes)
    return textOf({ name, bytes: bytes.length })
  }

  async get(text: string): Promise<string> {
    const { name } = storedValue(text) as StoredValue
    const bytes = await (await this.#opened()).get(name)
    if (bytes === undefined) throw lostValue(name, "there is no such object")
    const hash = name.slice(name.lastIndexOf("/") + 1).split("-", 1)[0]
    if (hashOf(bytes) !== hash) throw lostValue(name, "it is not what was put there")
    return decoder.decode(bytes)
  }

  /** Removes what is no longer wanted; removing it again changes nothing. */
  async remove(texts: readonly string[]): Promise<void> {
    const place = await this.#opened()
    for (const text of texts) await place.remove((storedValue(text) as StoredValue).name)
  }

  async close(): Promise<void> {
    await (await this.#place)?.close()
  }

  #opened(): Promise<ObjectPlace> {
    this.#place ??= openObjects(this.#at).catch((error: unknown) => {
      // The next value tries again.
      this.#place = undefined
      throw error
    })
    return this.#place
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}

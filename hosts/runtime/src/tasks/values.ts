/**
 * Large values of tasks in the object store, under names made of what they hold and when they were put. The place is opened when the first one
 * comes. See core/engine/src/tasks/stored-value.ts.
 *
 * What a crash left behind between a put and its commit, or between the end of a retention and the removal, no run has: it is swept once it
 * is `limits.valueOrphanMsMin` old.
 */
import { createHash, randomUUID } from "node:crypto"
import { existsSync } from "node:fs"
import { type ObjectPlace, type StoredValue, type ValueStore, lostValue, storedValue, textOf } from "@millrace/engine"
import { limits } from "@millrace/model"
import { openObjects } from "./value-compose.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class Values implements ValueStore {
  readonly #at: string
  readonly #clock: () => number
  #place: Promise<ObjectPlace> | undefined

  /** @param at - a directory, or `s3://bucket/prefix` */
  constructor(at: string, clock: () => number) {
    this.#at = at
    this.#clock = clock
  }

  async put(task: string, json: string | Uint8Array): Promise<string> {
    const bytes = typeof json === "string" ? encoder.encode(json) : json
    const name = `${task}/${hashOf(bytes)}-${Math.floor(this.#clock())}-${randomUUID()}.json`
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

  /**
   * Removes the objects of a task that no run has, and that are old enough that none will.
   *
   * @param unnamed - of some names, those that no run has
   * @returns how many were removed
   * @throws MR1501 when the place refuses
   */
  async sweep(task: string, unnamed: (names: readonly string[]) => Promise<readonly string[]>): Promise<number> {
    // Where nothing was ever put there is no directory, and none is made.
    if (!this.#at.startsWith("s3://") && !existsSync(this.#at)) return 0
    const place = await this.#opened()
    const before = this.#clock() - limits.valueOrphanMsMin
    let removed = 0
    let old: string[] = []
    const removeThose = async (): Promise<void> => {
      const orphans = await unnamed(old)
      old = []
      for (const name of orphans) await place.remove(name)
      removed += orphans.length
    }
    for await (const name of place.list(`${task}/`)) {
      if (!(putAt(name) <= before)) continue
      old.push(name)
      if (old.length === limits.valueSweepNamesMax) await removeThose()
    }
    if (old.length > 0) await removeThose()
    return removed
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

/** When an object was put, by its name; NaN for one that is not ours. */
function putAt(name: string): number {
  const [, ms = ""] = name.slice(name.lastIndexOf("/") + 1).split("-", 2)
  return /^\d{1,16}$/.test(ms) ? Number(ms) : Number.NaN
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}

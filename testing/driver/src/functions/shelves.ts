/** Objects that destinations outside would hold, and messages that they would have got, by location. What is there survives a crash of the service, as a bucket does. */
import type { MessagePlace, ObjectPlace } from "@millrace/engine"

/** An object, as JSON where it is some. */
export interface TestObject {
  readonly name: string
  readonly value: unknown
}

export class Shelves {
  readonly #shelves: Map<string, Map<string, Uint8Array>> = new Map()
  readonly #messages: Map<string, readonly unknown[]> = new Map()

  open(to: string): ObjectPlace {
    const shelf = this.#shelf(to)
    const names = (prefix: string): string[] => [...shelf.keys()].filter((name) => name.startsWith(prefix)).toSorted()
    return {
      put: async (name, bytes) => void shelf.set(name, bytes.slice()),
      get: async (name) => shelf.get(name),
      remove: async (name) => void shelf.delete(name),
      list: async function* (prefix) {
        yield* names(prefix)
      },
      close: async () => undefined,
    }
  }

  openMessages(to: string): MessagePlace {
    return {
      send: async (text) => {
        this.#messages.set(to, [...(this.#messages.get(to) ?? []), JSON.parse(text) as unknown])
      },
      close: async () => undefined,
    }
  }

  /** In the order in which they were sent. */
  messages(to: string): readonly unknown[] {
    return [...(this.#messages.get(to) ?? [])]
  }

  /** In the order of their names. */
  of(to: string): readonly TestObject[] {
    const shelf = this.#shelf(to)
    return [...shelf.keys()].toSorted().map((name) => ({ name, value: JSON.parse(Buffer.from(shelf.get(name) ?? "").toString()) as unknown }))
  }

  #shelf(to: string): Map<string, Uint8Array> {
    let shelf = this.#shelves.get(to)
    if (shelf === undefined) {
      shelf = new Map()
      this.#shelves.set(to, shelf)
    }
    return shelf
  }
}

/** One table in memory, `sums` of the stream `payments`: rows are set by hand, and followers are told of them. */
import { MillraceError } from "@millrace/model"
import type { TableFacts } from "@millrace/protocol"
import type { GatewayTables, NodeRows } from "../src/tables.ts"

export class MemoryTables implements GatewayTables {
  readonly all: readonly TableFacts[] = [{ name: "sums", service: "test", stream: "payments", partitions: 2 }]
  readonly #rows = new Map<string, string>()
  readonly #followers = new Set<{ readonly prefix: string; readonly changed: Set<string>; wake(): void }>()
  #changes = 0
  /** What followers fail with. */
  failing: Error | undefined

  get followers(): number {
    return this.#followers.size
  }

  /** @param value - JSON text; undefined: the row goes */
  set(key: string, value: string | undefined): void {
    if (value === undefined) this.#rows.delete(key)
    else this.#rows.set(key, value)
    this.#changes++
    for (const follower of this.#followers) {
      if (!key.startsWith(follower.prefix)) continue
      follower.changed.add(key)
      follower.wake()
    }
  }

  fail(error: Error): void {
    this.failing = error
    for (const follower of this.#followers) follower.wake()
  }

  async row(table: string, key: string): Promise<NodeRows> {
    return this.#view(table, [key], false)
  }

  async page(table: string, { prefix, after, limit }: { readonly prefix: string; readonly after?: string; readonly limit: number }): Promise<NodeRows> {
    const keys = [...this.#rows.keys()].filter((key) => key.startsWith(prefix) && (after === undefined || key > after)).sort((a, b) => (a < b ? -1 : 1))
    return this.#view(table, keys.slice(0, limit), keys.length > limit)
  }

  async *follow(table: string, prefix: string, signal: AbortSignal): AsyncGenerator<NodeRows, void, undefined> {
    const first = this.#view(table, [], false)
    let wake = (): void => undefined
    const follower = { prefix, changed: new Set<string>(), wake: () => wake() }
    this.#followers.add(follower)
    const onAbort = (): void => wake()
    signal.addEventListener("abort", onAbort)
    try {
      yield first
      while (!signal.aborted) {
        if (this.failing !== undefined) throw this.failing
        if (follower.changed.size === 0) {
          await new Promise<void>((resolve) => (wake = resolve))
          continue
        }
        const keys = [...follower.changed]
        follower.changed.clear()
        yield this.#view(table, keys, false)
      }
    } finally {
      signal.removeEventListener("abort", onAbort)
      this.#followers.delete(follower)
    }
  }

  #view(table: string, keys: readonly string[], more: boolean): NodeRows {
    if (table !== "sums") throw new MillraceError("MR1025", `There is no table ${JSON.stringify(table)}. There are: sums.`, { table })
    return { table, stream: "payments", position: [this.#changes, 0], rows: keys.map((key) => ({ key, value: this.#rows.get(key) })), more }
  }
}

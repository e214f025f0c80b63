/** Tells, once for each sink, that its first rows have come and when they will be in a file; then, that this file is there. */
import type { RunningNode } from "./node.ts"
import { whenFull } from "./overview.ts"

/** How often the sinks are looked at, in ms. */
const lookMs = 250

export class FirstFiles {
  readonly #node: RunningNode
  readonly #tell: (event: object, words: string) => void
  /** What was told of each sink. */
  readonly #told: Map<string, "rows" | "file"> = new Map()
  readonly #timer: NodeJS.Timeout

  constructor(node: RunningNode, tell: (event: object, words: string) => void) {
    this.#node = node
    this.#tell = tell
    this.#timer = setInterval(() => this.look(), lookMs)
  }

  look(): void {
    for (const sink of this.#node.status().sinks) {
      const name = `${sink.service}/${sink.sink}`
      const told = this.#told.get(name)
      if (sink.delivered > 0 && told !== "file") {
        this.#told.set(name, "file")
        const files = sink.delivered === 1 ? "the first file is" : `the first ${sink.delivered} files are`
        this.#tell({ event: "file", sink: sink.sink, place: sink.place, files: sink.delivered, rows: sink.rows }, `${sink.sink}: ${files} in ${sink.place} (${sink.rows} ${sink.rows === 1 ? "row" : "rows"}).`)
      } else if (sink.open > 0 && told === undefined) {
        this.#told.set(name, "rows")
        this.#tell({ event: "rows", sink: sink.sink, rows: sink.open }, `${sink.sink}: the first rows have come; their file appears ${whenFull(sink)}.`)
      }
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }
}

/** How long things took, counted by bounds that suit runs of tasks: from a millisecond to a day. */
import type { Sample } from "../samples.ts"

/** In seconds; what took no longer is in the bucket. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 3_600, 86_400] as const

export class Durations {
  readonly #counts: number[] = Array.from({ length: bounds.length + 1 }, () => 0)
  #seconds = 0

  add(ms: number): void {
    const seconds = ms / 1000
    this.#seconds += seconds
    let at = 0
    while (at < bounds.length && seconds > (bounds[at] as number)) at++
    this.#counts[at] = (this.#counts[at] as number) + 1
  }

  /** As Prometheus has a histogram: each bucket counts what is in those before it, too. */
  values(labels: Readonly<Record<string, string>>): Sample["values"] {
    let count = 0
    const buckets = this.#counts.map((inBucket, at) => {
      count += inBucket
      return { labels: { ...labels, le: String(bounds[at] ?? "+Inf") }, value: count, part: "bucket" as const }
    })
    return [...buckets, { labels, value: this.#seconds, part: "sum" }, { labels, value: count, part: "count" }]
  }
}

/** Which consumer is subscribed to which shard. */
import { KinesisFailure } from "./failure.ts"

/** The same consumer may not subscribe to the same shard again sooner than this, in ms. */
const againMs = 5_000

/** The subscriptions of a node, by consumer and shard. */
export class Subscriptions {
  readonly #open: Map<string, { readonly since: number; readonly end: AbortController }> = new Map()

  /** @throws KinesisFailure ResourceInUseException when there is one that has just begun; an older one is ended */
  begin(name: string, now: number): AbortController {
    const before = this.#open.get(name)
    if (before !== undefined) {
      if (now - before.since < againMs) {
        throw new KinesisFailure(
          "ResourceInUseException",
          "Another active subscription exists for this consumer and shard; try again after a few seconds.",
        )
      }
      before.end.abort()
    }
    const end = new AbortController()
    this.#open.set(name, { since: now, end })
    return end
  }

  over(name: string, end: AbortController): void {
    if (this.#open.get(name)?.end === end) this.#open.delete(name)
  }
}

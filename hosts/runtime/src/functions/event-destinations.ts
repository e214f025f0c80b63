/**
 * Tells destinations what became of an event that nobody waited for: a stream in the commit that forgets the event, places outside until they take
 * it.
 *
 * Not for: when an event is done or given up; the queue decides that and keeps it before a place outside is told.
 */
import { BlockWriter, limits, partitionOf, type StreamPlan } from "@millrace/model"
import type { Commits } from "../commits.ts"
import { Destination, type OutsidePlaces, type OutsidePlan } from "../destination.ts"
import type { Log } from "../log.ts"
import { faultFacts } from "../logged-error.ts"
import { waited } from "../waited.ts"
import type { FunctionClock } from "./clock.ts"
import type { EventFacts, EventShelf } from "./event-shelf.ts"
import { failedEventName } from "./failed-event.ts"

interface EventDestinationsNode extends OutsidePlaces {
  readonly commits: Commits
  readonly clock: FunctionClock
  readonly log: Log
  /** Undefined: there is none of that name. */
  readonly stream: (name: string) => StreamPlan | undefined
}

export class EventDestinations {
  readonly #node: EventDestinationsNode
  readonly #shelf: EventShelf
  readonly #opened: Map<string, Destination> = new Map()

  constructor(node: EventDestinationsNode, shelf: EventShelf) {
    this.#node = node
    this.#shelf = shelf
  }

  at(to: OutsidePlan): Destination {
    let destination = this.#opened.get(to.to)
    if (destination === undefined) {
      destination = new Destination(to, this.#node)
      this.#opened.set(to.to, destination)
    }
    return destination
  }

  /** The record and that the event is done with are one commit: told once, whatever crashes. */
  append(facts: EventFacts, text: string, stream: string): void {
    const { commits, clock } = this.#node
    const writer = new BlockWriter()
    const { function: key } = facts
    writer.record(key, clock.now(), Buffer.from(text))
    const partition = partitionOf(key, this.#node.stream(stream)?.partitions ?? 1)
    commits.append({ appends: [{ stream, partition, count: 1, block: writer.take() }], state: [this.#shelf.remove(facts)] })
  }

  /** Tells a place outside until it takes it; false: the node stops, and will tell it when it runs again. */
  async put(facts: EventFacts, text: string, to: OutsidePlan, signal: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#node
    const { function: name, requestId } = facts
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const isTold = await this.at(to).tell({ name: failedEventName(facts), group: name, whole: () => text, message: () => text })
        if (!isTold) this.tooLarge(facts, text)
        return !signal.aborted
      } catch (error) {
        const wait = Math.min(limits.mappingRetryMsMax, limits.mappingRetryMsMin * 2 ** Math.min(attempt, 20))
        log.error({ function: name, requestId, retryInMs: wait, ...faultFacts(error) }, "a destination does not take what it is to be told of an event")
        await waited(clock, wait, signal)
      }
    }
    return false
  }

  tooLarge({ function: name, requestId }: EventFacts, text: string): void {
    this.#node.log.error({ function: name, requestId, text: text.slice(0, 1_000) }, "what is to be told of an event is larger than its destination takes, and is not told there")
  }

  async close(): Promise<void> {
    for (const destination of this.#opened.values()) await destination.close()
  }
}

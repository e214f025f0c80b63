/**
 * Invocations that nobody waits for (Lambda's `Event`): made in the background, and made again twice when they fail, after one and
 * two minutes, as Lambda does. They are in memory: a node that stops forgets them. What must not be lost goes through a stream.
 */
import { limits } from "@millrace/model"
import type { Clock } from "../clock.ts"
import type { Log } from "../log.ts"
import type { GatewayFunctions } from "./functions.ts"

interface QueuedEvent {
  readonly name: string
  readonly payload: string
  readonly requestId: string
  readonly clientContext: string | undefined
}

export interface EventQueueOptions {
  readonly functions: GatewayFunctions
  readonly clock: Clock
  readonly log: Log
}

const retryMs = 60_000
const retriesMax = 2
/** A busy function is asked again after this. */
const busyMs = 1_000

export class EventQueue {
  readonly #options: EventQueueOptions
  #size = 0

  constructor(options: EventQueueOptions) {
    this.#options = options
  }

  /** Whether there was room for it. */
  add(event: QueuedEvent): boolean {
    if (this.#size >= limits.functionEventsMax) return false
    this.#size++
    void this.#attempt(event, 0)
    return true
  }

  async #attempt(event: QueuedEvent, retries: number): Promise<void> {
    const { functions, clock, log } = this.#options
    const { name, payload, requestId, clientContext } = event
    try {
      const invocation = await functions.invoke(name, payload, { requestId, ...(clientContext === undefined ? {} : { clientContext }) })
      if (invocation.kind === "throttled") clock.after(busyMs, () => void this.#attempt(event, retries))
      else if (invocation.kind === "failed" && retries < retriesMax) clock.after(retryMs * (retries + 1), () => void this.#attempt(event, retries + 1))
      else {
        this.#size--
        if (invocation.kind === "failed") log.error({ function: name, requestId, payload: payload.slice(0, 1_000) }, "An event was given up: its function has failed three times.")
      }
    } catch (error) {
      this.#size--
      log.warn({ function: name, requestId, error }, "An event was given up: its function is not there any more, or the node stops.")
    }
  }
}

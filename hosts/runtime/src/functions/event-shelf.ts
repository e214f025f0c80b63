/** Events that nobody waits for, in the node's state: what is known of each, and apart from it the event itself, which never changes. */
import type { StateReader } from "@millrace/engine"
import { StateChangesWriter, valueFrom } from "@millrace/model"
import type { FunctionError } from "./invocation.ts"

const scope = "@function-events"
const facts = 0
const payloads = 1
/** How far what was given up to a stream was redriven. */
const redrives = 2

/** What is known of an event. */
export interface EventFacts {
  readonly function: string
  readonly requestId: string
  /** JSON. */
  readonly clientContext?: string
  /** When it was taken, in ms. */
  readonly at: number
  /** Invocations that failed. */
  readonly attempts: number
  /** Why the last one did. */
  readonly error?: FunctionError
  /** It was done, and its destination is to be told: at this time, with this answer, JSON text. */
  readonly succeeded?: { readonly at: number; readonly answer: string }
  /** It is given up, and its destination is to be told: decided at this time. */
  readonly givenUp?: { readonly condition: "RetriesExhausted" | "EventAgeExceeded"; readonly at: number }
}

export interface ShelvedEvent {
  readonly facts: EventFacts
  /** JSON text. */
  readonly payload: string
}

export class EventShelf {
  readonly #state: StateReader
  readonly #changes = new StateChangesWriter()
  /** What was committed since the state was folded. */
  readonly #redriven: Map<string, number> = new Map()

  constructor(state: StateReader) {
    this.#state = state
  }

  /** Those that were kept when the state was folded last, in the order in which they were taken. */
  *all(): Generator<ShelvedEvent> {
    const found: (readonly [key: string, known: EventFacts])[] = []
    for (const [key, bytes] of this.#state.entries(scope, 0, facts)) found.push([key, valueFrom(bytes) as EventFacts])
    for (const [key, known] of found) {
      const payload = this.#state.get(scope, 0, payloads, key)
      if (payload === undefined) throw new Error(`event-shelf: ${key} has no payload`)
      yield { facts: known, payload: valueFrom(payload) as string }
    }
  }

  /** The state changes that keep an event that is new. */
  add(event: EventFacts, payload: string): Uint8Array {
    this.#put(facts, event, event)
    this.#put(payloads, event, payload)
    return this.#changes.take()
  }

  /** The state changes that keep what is known of it now. */
  keep(event: EventFacts): Uint8Array {
    this.#put(facts, event, event)
    return this.#changes.take()
  }

  /** The state changes that forget it. */
  remove(event: EventFacts): Uint8Array {
    for (const bucket of [facts, payloads]) {
      this.#changes.beginBucket(scope, 0, bucket, false)
      this.#changes.remove(keyOf(event))
      this.#changes.endBucket()
    }
    return this.#changes.take()
  }

  /** The first offset of a stream of failures that was not redriven to a function. */
  redriven(name: string, stream: string, partition: number): number {
    const newest = this.#redriven.get(placeOf(name, stream, partition))
    if (newest !== undefined) return newest
    const bytes = this.#state.get(scope, 0, redrives, placeOf(name, stream, partition))
    return bytes === undefined ? 0 : (valueFrom(bytes) as number)
  }

  /** The state changes that keep it; it counts from now on. */
  redrive(name: string, stream: string, partition: number, next: number): Uint8Array {
    const place = placeOf(name, stream, partition)
    this.#redriven.set(place, next)
    this.#putAt(redrives, place, next)
    return this.#changes.take()
  }

  /** What was committed and is not durable never happened. */
  forget(): void {
    this.#redriven.clear()
  }

  #put(bucket: number, event: EventFacts, value: unknown): void {
    this.#putAt(bucket, keyOf(event), value)
  }

  #putAt(bucket: number, key: string, value: unknown): void {
    const changes = this.#changes
    changes.beginBucket(scope, 0, bucket, false)
    changes.value(key, value)
    changes.endBucket()
  }
}

/** In the order of their times. */
function keyOf({ at, requestId }: EventFacts): string {
  return `${String(at).padStart(15, "0")} ${requestId}`
}

function placeOf(name: string, stream: string, partition: number): string {
  return `${name} ${stream} ${partition}`
}

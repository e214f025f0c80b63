/**
 * Redriving events that were given up: each goes back to the queue, as an event that nobody waits for, with all its attempts before it. From a stream
 * in the commit that moves past it, so once; from a bucket before its object is removed, so a crash between the two takes it once more.
 */
import type { ObjectPlace, Store } from "@millrace/engine"
import { BlockCursor, type FailedEvent, type SucceededEvent } from "@millrace/model"
import type { EventShelf } from "./event-shelf.ts"
import { failedEventPrefix } from "./failed-event.ts"

const readBytes = 1_048_576

export interface EventRedrive {
  readonly function: string
  readonly shelf: EventShelf
  readonly signal: AbortSignal
  /** Puts an event into the queue; resolves once it is durable, with the state changes that come with it. @throws MR1010 */
  readonly add: (payload: string, also?: Uint8Array) => Promise<void>
}

/** @returns how many went back */
export async function redriveFromStream({ function: name, shelf, signal, add }: EventRedrive, store: Store, stream: string, partitions: number): Promise<number> {
  let events = 0
  for (let partition = 0; partition < partitions; partition++) {
    const { durable, first } = store.extent(stream, partition)
    for (let at = Math.max(first, shelf.redriven(name, stream, partition)); at < durable && !signal.aborted; ) {
      const before = at
      for (const { base, block } of await store.read(stream, partition, at, readBytes)) {
        const cursor = new BlockCursor(block)
        for (let offset = base; offset < durable && cursor.next() && !signal.aborted; offset++) {
          if (offset < at) continue
          at = offset + 1
          const payload = payloadOf(Buffer.from(cursor.value), name)
          if (payload === undefined) continue
          await add(payload, shelf.redrive(name, stream, partition, at))
          events++
        }
      }
      if (at <= before) break
    }
  }
  return events
}

/** @returns how many went back @throws MR1501 when the bucket refuses */
export async function redriveFromBucket({ function: name, signal, add }: EventRedrive, place: ObjectPlace): Promise<number> {
  let events = 0
  for await (const object of place.list(failedEventPrefix(name))) {
    if (signal.aborted) break
    const bytes = await place.get(object)
    const payload = bytes === undefined ? undefined : payloadOf(bytes, name)
    // What others have put there stays theirs.
    if (payload === undefined) continue
    await add(payload)
    await place.remove(object)
    events++
  }
  return events
}

/** Undefined: it is none of the function's events that were given up. */
function payloadOf(bytes: Uint8Array, name: string): string | undefined {
  try {
    const { requestContext, requestPayload } = JSON.parse(Buffer.from(bytes).toString()) as FailedEvent | SucceededEvent
    if (requestContext.condition === "Success") return undefined
    return requestContext.functionArn.endsWith(`:function:${name}:$LATEST`) ? JSON.stringify(requestPayload) : undefined
  } catch {
    return undefined
  }
}

/**
 * One reader of `live`: writes the batches of a stream to its connection as server-sent events.
 *
 * L1  A record is written in the tick in which the node hands it over.
 * L2  What waits for a reader is at most `limits.liveBufferBytesMax` and one record: beyond it the node is not asked
 *     for more until the reader has taken what it has. The log keeps the rest.
 * L3  A reader that takes nothing for `limits.liveStallMsMax` is cut off; it comes back with `Last-Event-ID`.
 * L4  When the connection ends, for whatever reason, the node's follower is let go at once.
 */
import { errorTable, limits } from "@millrace/model"
import { eventText, heartbeatText, openingText, positionEvent, problemOf, recordJson } from "@millrace/protocol"
import { failureOf, isGone, type Outgoing, written } from "./answer.ts"
import type { Clock } from "./clock.ts"
import type { GatewayNode, LiveBatch } from "./node.ts"

const liveHeaders: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  // Asks nginx not to hold events back.
  "x-accel-buffering": "no",
}

export function liveHeadersOf(outgoing: Outgoing): Readonly<Record<string, string>> {
  // Over HTTP/1.1 a reading has its connection to itself and ends with it; over HTTP/2 there are others beside it.
  return "stream" in outgoing ? liveHeaders : { ...liveHeaders, connection: "close" }
}

/** Begins an answer of server-sent events. */
export function beginLive(outgoing: Outgoing): void {
  const headers = liveHeadersOf(outgoing)
  if ("stream" in outgoing) outgoing.writeHead(200, headers)
  else outgoing.writeHead(200, headers)
}

/** How long a reader is asked to wait before it comes back, in ms. */
const retryMs = 1_000

export interface Reading {
  readonly node: GatewayNode
  readonly stream: string
  /** Where reading begins, by partition. */
  readonly offsets: readonly number[]
  readonly outgoing: Outgoing
}

/** How a reading ended, for the log and the figures. */
export type ReadingEnd =
  | { readonly kind: "left" }
  | { readonly kind: "ended" }
  | { readonly kind: "cut" }
  | { readonly kind: "failed"; readonly error: unknown }

export class LiveReader {
  readonly #reading: Reading
  readonly #clock: Clock
  readonly #heartbeatMs: number
  readonly #stop: AbortController = new AbortController()
  /** The next offset of each partition, as text: the parts of a position. */
  readonly #next: string[]
  #cut = false
  /** Whether the position moved without an event that told it. */
  #untold = false

  constructor(reading: Reading, clock: Clock, heartbeatMs: number) {
    this.#reading = reading
    this.#clock = clock
    this.#heartbeatMs = heartbeatMs
    this.#next = reading.offsets.map(String)
  }

  /** Runs until the stream ends, the reader leaves or {@link close} is called. Never rejects. */
  async run(): Promise<ReadingEnd> {
    const { node, stream, offsets, outgoing } = this.#reading
    const { signal } = this.#stop
    // It left before it began: no event will tell.
    if (isGone(outgoing)) return { kind: "left" }
    // L4
    outgoing.once("close", () => this.#stop.abort())
    beginLive(outgoing)
    written(outgoing, openingText(retryMs, this.#next.join(".")))
    const quiet = this.#keepAlive()
    try {
      for await (const batch of node.follow(stream, { kind: "offsets", offsets: new Map(offsets.entries()) }, signal)) {
        if (signal.aborted) break
        await this.#write(batch)
        if (signal.aborted) break
      }
      if (this.#cut) return { kind: "cut" }
      if (signal.aborted) return { kind: "left" }
      outgoing.end(eventText(this.#next.join("."), "{}", "end"))
      return { kind: "ended" }
    } catch (error) {
      if (signal.aborted) return { kind: "left" }
      const failure = failureOf(error)
      // A reader may come back for what a retry mends, so only then is the end of the connection all that it is told.
      if (errorTable[failure.code].advice === "retry") outgoing.end()
      else outgoing.end(eventText(this.#next.join("."), JSON.stringify(problemOf(failure)), "problem"))
      return { kind: "failed", error }
    } finally {
      quiet()
      this.#stop.abort()
      if (!outgoing.writableEnded) outgoing.end()
    }
  }

  /** Ends the connection; the reader comes back to whoever serves then. */
  close(): void {
    this.#stop.abort()
    this.#reading.outgoing.end()
  }

  async #write({ partition, records, next }: LiveBatch): Promise<void> {
    const position = this.#next
    // The stream was resharded since the reader came: all of the new shards is still to come.
    while (position.length <= partition) position.push("0")
    const before = partition === 0 ? "" : `${position.slice(0, partition).join(".")}.`
    const after = partition === position.length - 1 ? "" : `.${position.slice(partition + 1).join(".")}`
    const last = records.length - 1
    let text = ""
    for (let at = 0; at <= last; at++) {
      const record = records[at] as (typeof records)[number]
      // After the last record come the batch's own next: what lies between are marks, which no reader sees.
      const id = at === last ? next : record.offset + 1
      position[partition] = String(id)
      text += eventText(`${before}${id}${after}`, recordJson(record))
      if (text.length < limits.liveBufferBytesMax) continue
      // L2
      if (!written(this.#reading.outgoing, text)) await this.#drained()
      if (this.#stop.signal.aborted) return
      text = ""
    }
    if (records.length === 0) {
      position[partition] = String(next)
      this.#untold = true
    } else if (text !== "" && !written(this.#reading.outgoing, text)) await this.#drained()
  }

  /** Resolves once the reader has taken all that was written, or has gone, or was cut off for taking too long. */
  #drained(): Promise<void> {
    const { outgoing } = this.#reading
    if (outgoing.destroyed) return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        cancel()
        outgoing.removeListener("drain", done)
        outgoing.removeListener("close", done)
        this.#stop.signal.removeEventListener("abort", done)
        resolve()
      }
      const cancel = this.#clock.after(limits.liveStallMsMax, () => {
        // L3
        this.#cut = true
        done()
        outgoing.destroy()
      })
      outgoing.once("drain", done)
      outgoing.once("close", done)
      this.#stop.signal.addEventListener("abort", done)
    })
  }

  /** Writes something now and then while nothing else is written. Returns what stops it. */
  #keepAlive(): () => void {
    const { outgoing } = this.#reading
    let cancel = (): void => undefined
    const beat = (): void => {
      if (!outgoing.writableNeedDrain && !outgoing.writableEnded) {
        written(outgoing, this.#untold ? positionEvent(this.#next.join(".")) : heartbeatText)
        this.#untold = false
      }
      cancel = this.#clock.after(this.#heartbeatMs, beat)
    }
    cancel = this.#clock.after(this.#heartbeatMs, beat)
    return () => cancel()
  }
}

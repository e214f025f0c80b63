/**
 * One reader of a run's `live`: writes what it is given to its connection as server-sent events, no faster than they are taken.
 *
 * R1  What waits for a reader is at most what the node keeps of a run and one piece more: beyond it the reader is cut off, and hears the rest
 *     when it comes back with `Last-Event-ID`.
 * R2  A reader that takes nothing for `limits.liveStallMsMax` is cut off.
 */
import { limits } from "@millrace/model"
import { eventText, heartbeatText } from "@millrace/protocol"
import { isGone, type Outgoing, written } from "./answer.ts"
import type { Clock } from "./clock.ts"
import { drained } from "./drained.ts"
import { beginLive } from "./live-reader.ts"

/** How often a quiet run says that its connection lives, in ms. */
const heartbeatMs = 15_000
const waitingMost = limits.toldRunBytesMax + limits.taskValueBytesMax

export class RunReader {
  readonly #outgoing: Outgoing
  readonly #clock: Clock
  readonly #onClose: () => void
  #cancelBeat: () => void = () => undefined
  #waiting: string[] = []
  #waitingLength = 0
  #writing = false
  #ending = false
  #closed = false

  /** @param onClose - called once, when it is over for whatever reason */
  constructor(outgoing: Outgoing, clock: Clock, onClose: () => void) {
    this.#outgoing = outgoing
    this.#clock = clock
    this.#onClose = onClose
  }

  begin(): void {
    // It left before it began: no event will tell.
    if (isGone(this.#outgoing)) return this.close()
    beginLive(this.#outgoing)
    this.#outgoing.once("close", () => this.close())
    this.#beat()
  }

  write(name: string, data: string, place: string): void {
    if (this.#closed || this.#ending) return
    const text = eventText(place, data, name)
    this.#waiting.push(text)
    this.#waitingLength += text.length
    // R1
    if (this.#waitingLength > waitingMost) this.close()
    else void this.#pump()
  }

  /** Closes once all that was given is written. */
  end(): void {
    this.#ending = true
    if (!this.#writing) this.close()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#waiting = []
    this.#cancelBeat()
    this.#outgoing.end()
    this.#onClose()
  }

  async #pump(): Promise<void> {
    if (this.#writing) return
    this.#writing = true
    while (this.#waiting.length > 0) {
      const texts = this.#waiting
      this.#waiting = []
      for (const text of texts) {
        if (this.#isOver()) return this.close()
        this.#waitingLength -= text.length
        if (!written(this.#outgoing, text)) await this.#drained()
      }
    }
    this.#writing = false
    if (this.#ending) this.close()
  }

  /** Asked anew each time: the compiler would take the first answer to hold. */
  #isOver(): boolean {
    return this.#closed || isGone(this.#outgoing)
  }

  /** R2. */
  #drained(): Promise<void> {
    return this.#isOver() ? Promise.resolve() : drained(this.#outgoing, this.#clock)
  }

  #beat(): void {
    this.#cancelBeat = this.#clock.after(heartbeatMs, () => {
      if (!this.#outgoing.writableNeedDrain) written(this.#outgoing, heartbeatText)
      this.#beat()
    })
  }
}

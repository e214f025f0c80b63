/**
 * Answers that wait for their readers: each is memory that its reader alone lets go of, so what all of them may hold is bounded. When it is much,
 * whoever asks for more is told so; beyond the bound, what has waited for longest is cut off.
 *
 * Not for: answers that come in parts, which are written no faster than they are read.
 */
import { limits } from "@millrace/model"
import type { Outgoing } from "./answer.ts"
import type { Clock } from "./clock.ts"
import type { Log } from "./log.ts"

/** What is smaller fits the buffers of a connection. */
const smallBytes = 65_536

interface Waiting {
  readonly outgoing: Outgoing
  readonly bytes: number
  readonly since: number
}

export class UnreadAnswers {
  readonly #clock: Clock
  readonly #log: Log
  /** Oldest first. */
  readonly #waiting: Set<Waiting> = new Set()
  #bytes = 0

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  /** An answer is about to be written; it counts until its reader has taken it, or has gone. */
  add(outgoing: Outgoing, bytes: number): void {
    if (bytes < smallBytes) return
    const waiting: Waiting = { outgoing, bytes, since: this.#clock.now() }
    this.#waiting.add(waiting)
    this.#bytes += bytes
    const cancel = this.#clock.after(limits.answerMsMax, () => this.#cut(waiting))
    outgoing.once("close", () => {
      cancel()
      this.#drop(waiting)
    })
    for (const oldest of this.#waiting) {
      if (this.#bytes <= limits.answersUnreadBytesMax) break
      if (oldest !== waiting) this.#cut(oldest)
    }
  }

  /** Whether so much waits that no large answer should be added; what has waited for long makes room. */
  isCrowded(): boolean {
    const most = limits.answersUnreadBytesMax / 2
    const now = this.#clock.now()
    for (const oldest of this.#waiting) {
      if (this.#bytes < most || now - oldest.since < limits.answerMsMin) break
      this.#cut(oldest)
    }
    return this.#bytes >= most
  }

  #cut(waiting: Waiting): void {
    if (!this.#drop(waiting)) return
    const { outgoing, bytes, since } = waiting
    this.#log.warn({ bytes, waitedMs: this.#clock.now() - since }, "An answer was cut off: its reader did not take it.")
    if ("stream" in outgoing) outgoing.stream.destroy()
    else outgoing.destroy()
  }

  #drop(waiting: Waiting): boolean {
    if (!this.#waiting.delete(waiting)) return false
    this.#bytes -= waiting.bytes
    return true
  }
}

/** All readers of `live` at once: counted, bounded, and closed together. */
import { limits, MillraceError } from "@millrace/model"
import type { Clock } from "./clock.ts"
import { LiveReader, type Reading, type ReadingEnd } from "./live-reader.ts"
import type { Log } from "./log.ts"

/** The right to one reader. */
export interface Seat {
  reader: { close(): void } | undefined
}

export class LiveReaders {
  readonly #clock: Clock
  readonly #log: Log
  readonly #heartbeatMs: number
  readonly #seats: Set<Seat> = new Set()
  #closed = false
  /** Readers cut off for taking nothing. */
  cut = 0

  constructor(clock: Clock, log: Log, heartbeatMs: number) {
    this.#clock = clock
    this.#log = log
    this.#heartbeatMs = heartbeatMs
  }

  get count(): number {
    return this.#seats.size
  }

  /** @throws MR1021 */
  take(): Seat {
    if (this.#seats.size >= limits.liveReadersMax) {
      throw new MillraceError(
        "MR1021",
        `${limits.liveReadersMax} readers follow streams of this node already; try again later.`,
        {
          readersMax: limits.liveReadersMax,
        },
      )
    }
    const seat: Seat = { reader: undefined }
    this.#seats.add(seat)
    return seat
  }

  leave(seat: Seat): void {
    this.#seats.delete(seat)
  }

  /** Lets a reader read; it leaves its seat by itself. */
  begin(seat: Seat, reading: Reading): void {
    const reader = new LiveReader(reading, this.#clock, this.#heartbeatMs)
    void reader.run().then((end) => this.#onEnd(seat, reading.stream, end))
    this.hold(seat, reader)
  }

  /** A reader takes its seat, to be closed when the front door is. */
  hold(seat: Seat, reader: { close(): void }): void {
    seat.reader = reader
    // Between taking the seat and now the front door may have been closed.
    if (this.#closed) reader.close()
  }

  close(): void {
    this.#closed = true
    for (const { reader } of this.#seats) reader?.close()
  }

  #onEnd(seat: Seat, stream: string, end: ReadingEnd): void {
    this.leave(seat)
    if (end.kind === "cut") {
      this.cut++
      this.#log.warn(
        { stream, stallMs: limits.liveStallMsMax },
        "A reader was cut off: it took nothing of what waited for it.",
      )
    } else if (end.kind === "failed") this.#log.error({ stream, error: end.error }, "A reading ended with a failure.")
  }
}

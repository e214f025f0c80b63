/** The input of every query: one stream of all events, and the persons, auctions and bids in it. */
import { type Duration, type Flow, stream, type Stream } from "millrace"
import { type Auction, type Bid, type NexmarkEvent, type Person, timeOf } from "./events.ts"

export interface Nexmark {
  readonly events: Stream<NexmarkEvent, NexmarkEvent, "unkeyed">
  readonly persons: Flow<Person, "unkeyed">
  readonly auctions: Flow<Auction, "unkeyed">
  readonly bids: Flow<Bid, "unkeyed">
  /** The bounded side input of q13: rows of a key below 10,000 and its text. */
  readonly side: Stream<SideRow, SideRow, "keyed">
}

export interface SideRow {
  readonly key: number
  readonly value: string
}

/** All rows of the side input. */
export function sideRows(): SideRow[] {
  return Array.from({ length: 10_000 }, (_, key) => ({ key, value: String(key) }))
}

export interface NexmarkOptions {
  readonly partitions?: number
  /** The watermark trails the newest event by this. @default "4s", as the workload has it */
  readonly outOfOrder?: Duration
}

export function nexmark({ partitions = 8, outOfOrder = "4s" }: NexmarkOptions = {}): Nexmark {
  // Events have no key: they come as they come, and each query says by what it wants them.
  const events = stream<NexmarkEvent>("events", { time: timeOf, partitions, outOfOrder })
  return {
    events,
    persons: events.filter((event) => event.event_type === 0).map(({ person }) => person),
    auctions: events.filter((event) => event.event_type === 1).map(({ auction }) => auction),
    bids: events.filter((event) => event.event_type === 2).map(({ bid }) => bid),
    side: stream<SideRow>("side", { key: ({ key }) => String(key), partitions: 1 }),
  }
}

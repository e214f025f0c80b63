/**
 * Events as NDJSON. No text of an event needs escaping and all of it is ASCII, so a line is put together without
 * looking at each character.
 */
import fs from "node:fs"
import type { Emission } from "./emission.ts"
import type { Auction, Bid, NexmarkEvent, Person } from "./events.ts"

/** About as much as is written to a file at once. */
const chunkLength = 1 << 20

/** One line, without its end. */
export function lineOf(event: NexmarkEvent): string {
  if (event.event_type === 2) return `{"event_type":2,"bid":${bid(event.bid)}}`
  if (event.event_type === 1) return `{"event_type":1,"auction":${auction(event.auction)}}`
  return `{"event_type":0,"person":${person(event.person)}}`
}

/** The next events as lines, at most so many; an empty text after the last. */
export function linesOf(emission: Emission, most: number): string {
  let text = ""
  for (let count = 0; count < most; count++) {
    const event = emission.next()
    if (event === undefined) break
    text += `${lineOf(event)}\n`
  }
  return text
}

/** Writes all that is left of a run and returns how many events that were. */
export function writeNdjson(file: string, emission: Emission): number {
  const to = fs.openSync(file, "w")
  try {
    let written = 0
    let text = ""
    for (let event = emission.next(); event !== undefined; event = emission.next()) {
      text += `${lineOf(event)}\n`
      written++
      if (text.length < chunkLength) continue
      fs.writeSync(to, text, null, "latin1")
      text = ""
    }
    fs.writeSync(to, text, null, "latin1")
    return written
  } finally {
    fs.closeSync(to)
  }
}

function person(of: Person): string {
  return (
    `{"id":${of.id},"name":"${of.name}","emailAddress":"${of.emailAddress}","creditCard":"${of.creditCard}",` +
    `"city":"${of.city}","state":"${of.state}","dateTime":${of.dateTime},"extra":"${of.extra}"}`
  )
}

function auction(of: Auction): string {
  return (
    `{"id":${of.id},"itemName":"${of.itemName}","description":"${of.description}","initialBid":${of.initialBid},` +
    `"reserve":${of.reserve},"dateTime":${of.dateTime},"expires":${of.expires},"seller":${of.seller},` +
    `"category":${of.category},"extra":"${of.extra}"}`
  )
}

function bid(of: Bid): string {
  return (
    `{"auction":${of.auction},"bidder":${of.bidder},"price":${of.price},"channel":"${of.channel}",` +
    `"url":"${of.url}","dateTime":${of.dateTime},"extra":"${of.extra}"}`
  )
}

/**
 * Lanes: the flights of whole partitions, so that lanes may be sent side by side and each partition still gets its
 * flights in the order in which they left.
 */
import { partitionOf } from "millrace/client"
import type { Departures } from "./departures.ts"

/**
 * Places in `departures` by lane, each in order. Partitions are dealt out so that lanes are about equally long; the
 * same departures give the same lanes.
 */
export function lanesOf(departures: Departures, partitions: number, lanes: number): Uint32Array[] {
  const partitionOfAirport = departures.airports.map((airport) => partitionOf(airport, partitions))
  const sizes = new Uint32Array(partitions)
  for (let place = 0; place < departures.length; place++) {
    const partition = partitionOfAirport[departures.originAt(place)] as number
    sizes[partition] = (sizes[partition] as number) + 1
  }
  const laneOf = dealtOut(sizes, lanes)
  const counts = new Uint32Array(lanes)
  for (const [partition, size] of sizes.entries()) {
    const lane = laneOf[partition] as number
    counts[lane] = (counts[lane] as number) + size
  }
  const places = Array.from(counts, (count) => new Uint32Array(count))
  const filled = new Uint32Array(lanes)
  for (let place = 0; place < departures.length; place++) {
    const lane = laneOf[partitionOfAirport[departures.originAt(place)] as number] as number
    const at = filled[lane] as number
    ;(places[lane] as Uint32Array)[at] = place
    filled[lane] = at + 1
  }
  return places
}

/** The largest partition first, each to the lane that has least. */
function dealtOut(sizes: Uint32Array, lanes: number): Uint8Array {
  const loads = new Float64Array(lanes)
  const laneOf = new Uint8Array(sizes.length)
  const largestFirst = [...sizes.keys()].toSorted((a, b) => (sizes[b] as number) - (sizes[a] as number) || a - b)
  for (const partition of largestFirst) {
    let least = 0
    for (let lane = 1; lane < lanes; lane++) if ((loads[lane] as number) < (loads[least] as number)) least = lane
    laneOf[partition] = least
    loads[least] = (loads[least] as number) + (sizes[partition] as number)
  }
  return laneOf
}

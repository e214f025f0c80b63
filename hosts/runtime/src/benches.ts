/** The places of a node's workers, and which of them has the least to do: where bodies go that any worker can decode. */
import { Bench, type BenchHost } from "./bench.ts"

export class Benches {
  readonly all: readonly Bench[]

  constructor(count: number, host: BenchHost) {
    this.all = Array.from({ length: count }, (_, place) => new Bench(place, host))
  }

  get count(): number {
    return this.all.length
  }

  /** Workers that run now. */
  get running(): number {
    return this.all.filter(({ handle }) => handle !== undefined).length
  }

  /** Workers that ended and were not meant to. */
  get replaced(): number {
    return this.all.reduce((sum, { replaced }) => sum + replaced, 0)
  }

  get isBroken(): boolean {
    return this.all.some(({ broken }) => broken !== undefined)
  }

  at(place: number): Bench {
    const bench = this.all[place]
    if (bench === undefined) throw new Error(`benches: there is no place ${place}`)
    return bench
  }

  /** See `leastBusy`. */
  freest(turn: number): number {
    return leastBusy(this.all, turn)
  }

  /** Whether a place's worker has nothing before it. */
  isFree(place: number): boolean {
    return this.at(place).backlog === 0
  }

  /** Whether a place's worker has the body of an ingest in hand. */
  isAt(place: number, ingest: number): boolean {
    return this.all[place]?.handle?.isAt(ingest) === true
  }

  /** Takes the body of an ingest out of what waits for a worker to start. */
  withdraw(place: number, ingest: number): void {
    this.at(place).withdraw(ingest)
  }
}

/**
 * The place whose worker has the fewest messages before it: one that user code holds is passed by, and one that does not run is
 * started only when those that run are at work. Among equals, each in its turn.
 */
export function leastBusy(places: readonly { readonly backlog: number }[], turn: number): number {
  let least = turn % places.length
  for (let i = 1; i < places.length; i++) {
    const place = (turn + i) % places.length
    if ((places[place]?.backlog ?? 0) < (places[least]?.backlog ?? 0)) least = place
  }
  return least
}

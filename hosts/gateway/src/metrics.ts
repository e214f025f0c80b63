/**
 * What the front door counts of itself: plain numbers, so that counting costs nothing and no library is needed for it.
 * `exposition.ts` turns them into text when they are asked for.
 */
/** Upper bounds of the duration buckets, in seconds. */
export const durationBounds: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/** What is counted of one route, or of one API that is mounted; `none` is what neither takes. */
export interface RouteFigures {
  /** Requests by status. */
  readonly statuses: Map<number, number>
  /** Requests by the first bound that their duration does not pass; the last place is beyond all bounds. */
  readonly buckets: number[]
  /** Sum of durations, in seconds. */
  seconds: number
}

export class Metrics {
  readonly routes: Map<string, RouteFigures> = new Map()
  /** Bytes of record bodies, decompressed. */
  bodyBytes = 0

  /** Counts a request. `ms` is absent for `live`, which lasts as long as its reader likes. */
  count(route: string, status: number, ms: number | undefined): void {
    let figures = this.routes.get(route)
    if (figures === undefined) {
      figures = { statuses: new Map(), buckets: Array.from({ length: durationBounds.length + 1 }, () => 0), seconds: 0 }
      this.routes.set(route, figures)
    }
    figures.statuses.set(status, (figures.statuses.get(status) ?? 0) + 1)
    if (ms === undefined) return
    const seconds = ms / 1000
    let place = 0
    while (place < durationBounds.length && seconds > (durationBounds[place] as number)) place++
    figures.buckets[place] = (figures.buckets[place] ?? 0) + 1
    figures.seconds += seconds
  }
}

/**
 * Windows in the plainest way: all history is kept, and for every record everything is computed anew from it. The rule of
 * the specification, word for word, and nothing of the engine's code.
 */
export interface Event {
  readonly k: string
  /** Event time in ms. */
  readonly t: number
  readonly v: number
}

export interface WindowRule {
  readonly size: number
  readonly every: number
  readonly offset: number
  readonly lateness: number
  readonly outOfOrder: number
}

export interface Result {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly n: number
  readonly sum: number
}

/** What one partition gives: results in order, and the events that were late for all of their windows, in order. */
export function windowsOf(
  events: readonly Event[],
  rule: WindowRule,
  ended: boolean,
): { readonly results: Result[]; readonly late: Event[] } {
  const { size, lateness, outOfOrder } = rule
  /** The watermark once event `i` is looked at: the highest event time so far minus outOfOrder. */
  const watermark = (i: number): number => Math.max(...events.slice(0, i + 1).map(({ t }) => t)) - outOfOrder
  const taken = (i: number, start: number): boolean => watermark(i) < start + size + lateness
  const contents = (start: number, key: string, upTo: number): Event[] =>
    events.filter(
      (event, i) => i < upTo && event.k === key && startsOf(event.t, rule).includes(start) && taken(i, start),
    )
  const resultOf = (start: number, key: string, upTo: number): Result | undefined => {
    const within = contents(start, key, upTo)
    if (within.length === 0) return undefined
    return { key, start, end: start + size, n: within.length, sum: within.reduce((sum, { v }) => sum + v, 0) }
  }
  const starts = [...new Set(events.flatMap(({ t }) => startsOf(t, rule)))].toSorted((a, b) => a - b)
  const keys = [...new Set(events.map(({ k }) => k))].toSorted()
  /** What windows give that close as the watermark goes from one time to another, with `upTo` events behind. */
  const closing = (from: number, to: number, upTo: number): Result[] =>
    starts
      .filter((start) => start + size > from && start + size <= to)
      .flatMap((start) => keys.flatMap((key) => resultOf(start, key, upTo) ?? []))

  const results: Result[] = []
  const late: Event[] = []
  for (const [i, event] of events.entries()) {
    results.push(...closing(i === 0 ? -Infinity : watermark(i - 1), watermark(i), i))
    const open = startsOf(event.t, rule).filter((start) => taken(i, start))
    if (open.length === 0) late.push(event)
    for (const start of open) {
      if (start + size > watermark(i)) continue
      const refined = resultOf(start, event.k, i + 1)
      if (refined !== undefined) results.push(refined)
    }
  }
  if (ended && events.length > 0) results.push(...closing(watermark(events.length - 1), Infinity, events.length))
  return { results, late }
}

/** The starts of the windows that hold a time, ascending. */
function startsOf(t: number, { size, every, offset }: WindowRule): number[] {
  const starts: number[] = []
  const first = Math.floor((t - size - offset) / every) - 1
  for (let i = first; i * every + offset <= t; i++) if (i * every + offset + size > t) starts.push(i * every + offset)
  return starts
}

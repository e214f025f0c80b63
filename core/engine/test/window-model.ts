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
  /** Windows begin together every `size`, and end every `every`. @default false */
  readonly cumulating?: boolean
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
  const { lateness, outOfOrder } = rule
  /** The watermark once event `i` is looked at: the highest event time so far minus outOfOrder. */
  const watermark = (i: number): number => Math.max(...events.slice(0, i + 1).map(({ t }) => t)) - outOfOrder
  const taken = (i: number, { end }: Frame): boolean => watermark(i) < end + lateness
  const contents = (frame: Frame, key: string, upTo: number): Event[] =>
    events.filter((event, i) => i < upTo && event.k === key && framesOf(event.t, rule).some(same(frame)) && taken(i, frame))
  const resultOf = (frame: Frame, key: string, upTo: number): Result | undefined => {
    const within = contents(frame, key, upTo)
    if (within.length === 0) return undefined
    return { key, ...frame, n: within.length, sum: within.reduce((sum, { v }) => sum + v, 0) }
  }
  const frames = events
    .flatMap(({ t }) => framesOf(t, rule))
    .filter((frame, i, all) => all.findIndex(same(frame)) === i)
    .toSorted((a, b) => a.end - b.end)
  const keys = [...new Set(events.map(({ k }) => k))].toSorted()
  /** What windows give that close as the watermark goes from one time to another, with `upTo` events behind. */
  const closing = (from: number, to: number, upTo: number): Result[] =>
    frames.filter(({ end }) => end > from && end <= to).flatMap((frame) => keys.flatMap((key) => resultOf(frame, key, upTo) ?? []))

  const results: Result[] = []
  const late: Event[] = []
  for (const [i, event] of events.entries()) {
    results.push(...closing(i === 0 ? -Infinity : watermark(i - 1), watermark(i), i))
    const open = framesOf(event.t, rule).filter((frame) => taken(i, frame))
    if (open.length === 0) late.push(event)
    for (const frame of open) {
      if (frame.end > watermark(i)) continue
      const refined = resultOf(frame, event.k, i + 1)
      if (refined !== undefined) results.push(refined)
    }
  }
  if (ended && events.length > 0) results.push(...closing(watermark(events.length - 1), Infinity, events.length))
  return { results, late }
}

interface Frame {
  readonly start: number
  readonly end: number
}

const same =
  (a: Frame) =>
  (b: Frame): boolean =>
    a.start === b.start && a.end === b.end

/** The windows that hold a time, by their ends. */
function framesOf(t: number, { size, every, offset, cumulating = false }: WindowRule): Frame[] {
  if (cumulating) {
    const start = Math.floor((t - offset) / size) * size + offset
    const ends = Array.from({ length: size / every }, (_, i) => start + (i + 1) * every)
    return ends.filter((end) => end > t).map((end) => ({ start, end }))
  }
  const found: Frame[] = []
  const first = Math.floor((t - size - offset) / every) - 1
  for (let i = first; i * every + offset <= t; i++) if (i * every + offset + size > t) found.push({ start: i * every + offset, end: i * every + offset + size })
  return found
}

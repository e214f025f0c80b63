/**
 * Sessions in the plainest way: all records that counted are kept, and for every step all sessions are made anew from them. The
 * rule of the specification, and nothing of the engine's code.
 */
import type { Event } from "./window-model.ts"

export interface SessionRule {
  readonly gap: number
  readonly lateness: number
  readonly outOfOrder: number
  /** @default no early results */
  readonly early?: number
}

export interface SessionResult {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly pane: "early" | "final" | "refined" | "retracted" | undefined
  readonly n: number
  readonly sum: number
  readonly top: number
}

interface Session {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly events: readonly Event[]
}

/** Groups events of one key by silences of at least the gap. */
function sessionsOf(events: readonly Event[], gap: number): Session[] {
  const sessions: Session[] = []
  for (const event of events.toSorted((a, b) => a.t - b.t)) {
    const before = sessions.at(-1)
    if (before !== undefined && event.t < before.end) {
      sessions[sessions.length - 1] = { ...before, end: event.t + gap, events: [...before.events, event] }
    } else sessions.push({ key: event.k, start: event.t, end: event.t + gap, events: [event] })
  }
  return sessions
}

/** What one partition gives: results in order, and the events that were late, in order. */
export function sessionResultsOf(
  events: readonly Event[],
  { gap, lateness, outOfOrder, early = 0 }: SessionRule,
  ended: boolean,
): { readonly results: SessionResult[]; readonly late: Event[] } {
  const results: SessionResult[] = []
  const late: Event[] = []
  const keys = [...new Set(events.map(({ k }) => k))].toSorted()
  /** Events that count and whose session is still kept, by key. */
  const counted = new Map<string, Event[]>()
  /** Sessions as they were last given and may be taken back, by key. */
  const given = new Map<string, Session[]>()
  /** Keys and events of sessions that have not given a result since they changed. */
  const changed = new Set<Event>()
  let watermark = Number.NEGATIVE_INFINITY

  const same = (a: Session, b: Session): boolean => a.start === b.start && a.end === b.end
  const kept = (session: Session): boolean => session.end + lateness > watermark
  const panes = lateness > 0 || early > 0
  const give = (session: Session, pane: "early" | "final" | "refined"): void => {
    const before = given.get(session.key) ?? []
    const replaced = before.filter((each) => each.start < session.end && each.end > session.start)
    if (panes) for (const each of replaced) if (!same(each, session)) results.push(resultOf(each, "retracted"))
    given.set(session.key, [...before.filter((each) => !replaced.includes(each)), session].toSorted((a, b) => a.start - b.start))
    results.push(resultOf(session, panes ? pane : undefined))
  }
  /** Sessions that have closed and given their result, as they were then. */
  const closed = new Map<string, Session[]>()
  const isClosed = (session: Session): boolean => (closed.get(session.key) ?? []).some((each) => same(each, session))
  const close = (session: Session, pane: "final" | "refined"): void => {
    closed.set(session.key, [...(closed.get(session.key) ?? []), session])
    give(session, pane)
  }
  const allSessions = (): Session[] => keys.flatMap((key) => sessionsOf(counted.get(key) ?? [], gap))

  const move = (to: number): void => {
    if (to <= watermark) return
    const times = new Set(allSessions().map(({ end }) => end).filter((end) => end > watermark && end <= to))
    if (early > 0) {
      for (const { end } of allSessions()) {
        for (let time = Math.floor(watermark / early) * early; time < end; time += early) if (time > watermark && time <= to) times.add(time)
      }
    }
    for (const time of [...times].toSorted((a, b) => a - b)) {
      for (const session of allSessions()) {
        if (early === 0 || time % early !== 0 || session.end <= time || !session.events.some((event) => changed.has(event))) continue
        for (const event of session.events) changed.delete(event)
        give(session, "early")
      }
      for (const session of allSessions()) if (session.end === time && !isClosed(session)) close(session, "final")
    }
    watermark = to
    for (const key of keys) {
      const left = sessionsOf(counted.get(key) ?? [], gap).filter(kept)
      counted.set(key, left.flatMap((session) => session.events))
      closed.set(key, (closed.get(key) ?? []).filter((each) => left.some((session) => each.start < session.end && each.end > session.start)))
      given.set(key, (given.get(key) ?? []).filter((each) => left.some((session) => each.start < session.end && each.end > session.start)))
    }
  }

  for (const event of events) {
    move(Math.max(watermark, event.t - outOfOrder))
    const before = counted.get(event.k) ?? []
    const session = sessionsOf([...before, event], gap).find((each) => each.events.includes(event)) as Session
    if (!kept(session)) {
      late.push(event)
      continue
    }
    counted.set(event.k, [...before, event])
    changed.add(event)
    if (session.end <= watermark) close(session, "refined")
    // A closed session that takes a record, its bounds as they were, is refined; one that is open again gives its result later.
  }
  if (ended && events.length > 0) move(Number.POSITIVE_INFINITY)
  return { results, late }
}

function resultOf({ key, start, end, events }: Session, pane: SessionResult["pane"]): SessionResult {
  return {
    key,
    start,
    end,
    pane,
    n: events.length,
    sum: events.reduce((sum, { v }) => sum + v, 0),
    top: Math.max(...events.map(({ v }) => v)),
  }
}

/**
 * Sessions in the plainest way: all records that counted are kept, and for every step all sessions are made anew from them. The
 * rule of the specification, and nothing of the engine's code.
 */
import type { Event } from "./window-model.ts"

export interface SessionRule {
  readonly gap: number
  readonly lateness: number
  readonly outOfOrder: number
}

export interface SessionResult {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly pane: "final" | "refined" | "retracted" | undefined
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
  { gap, lateness, outOfOrder }: SessionRule,
  ended: boolean,
): { readonly results: SessionResult[]; readonly late: Event[] } {
  const results: SessionResult[] = []
  const late: Event[] = []
  const keys = [...new Set(events.map(({ k }) => k))].toSorted()
  /** Events that count and whose session is still kept, by key. */
  const counted = new Map<string, Event[]>()
  /** Sessions as they were last given and may be taken back, by key. */
  const given = new Map<string, Session[]>()
  let watermark = Number.NEGATIVE_INFINITY

  const same = (a: Session, b: Session): boolean => a.start === b.start && a.end === b.end
  const kept = (session: Session): boolean => session.end + lateness > watermark
  const give = (session: Session, pane: "final" | "refined"): void => {
    const before = given.get(session.key) ?? []
    const replaced = before.filter((each) => each.start < session.end && each.end > session.start)
    if (lateness > 0) for (const each of replaced) if (!same(each, session)) results.push(resultOf(each, "retracted"))
    given.set(session.key, [...before.filter((each) => !replaced.includes(each)), session].toSorted((a, b) => a.start - b.start))
    results.push(resultOf(session, lateness > 0 ? pane : undefined))
  }
  const isGiven = (session: Session): boolean => (given.get(session.key) ?? []).some((each) => same(each, session))

  const move = (to: number): void => {
    if (to <= watermark) return
    const open = keys.flatMap((key) => sessionsOf(counted.get(key) ?? [], gap)).filter((session) => !isGiven(session) && session.end <= to)
    for (const session of open.toSorted((a, b) => a.end - b.end || (a.key < b.key ? -1 : 1))) give(session, "final")
    watermark = to
    for (const key of keys) {
      const left = sessionsOf(counted.get(key) ?? [], gap).filter(kept)
      counted.set(key, left.flatMap((session) => session.events))
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
    if (session.end <= watermark) give(session, "refined")
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

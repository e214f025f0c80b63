/**
 * Sessions with a trigger in the plainest way: lists of records, and the rule of the specification step by step, nothing of the
 * engine's code.
 */
import type { Held, Rule } from "./trigger-model.ts"
import type { Event } from "./window-model.ts"

export interface SessionShape {
  readonly gap: number
  readonly lateness: number
  readonly outOfOrder: number
}

export interface SessionResult {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly pane: string
  readonly values: readonly number[]
}

interface Session extends Held {
  readonly key: string
  given: boolean
}

const inOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** What one partition gives until its input has ended: results in order, and the events that were late, in order. */
export function expectedOf(given: readonly Event[], rule: Rule, { gap, lateness, outOfOrder }: SessionShape) {
  const results: SessionResult[] = []
  const late: Event[] = []
  let sessions: Session[] = []
  /** Results that may have to be taken back. */
  let standing: SessionResult[] = []
  let watermark = Number.NEGATIVE_INFINITY

  const start = ({ events }: Session): number => Math.min(...events.map(({ t }) => t))
  const end = ({ events }: Session): number => Math.max(...events.map(({ t }) => t)) + gap
  const within = (session: Session) => (result: SessionResult) =>
    result.key === session.key && result.end - gap >= start(session) && result.start <= end(session) - gap
  const give = (session: Session, pane: string): void => {
    const result = { key: session.key, start: start(session), end: end(session), pane, values: session.events.map(({ v }) => v) }
    const before = standing.filter(within(session)).toSorted((a, b) => a.start - b.start)
    for (const each of before) if (each.start !== result.start || each.end !== result.end) results.push({ ...each, pane: "retracted" })
    standing = [...standing.filter((each) => !before.includes(each)), result]
    results.push(result)
    session.fresh = 0
  }
  const drop = (session: Session): void => {
    standing = standing.filter((result) => !within(session)(result))
    sessions = sessions.filter((each) => each !== session)
  }
  const decide = (session: Session, decision: string): void => {
    if (decision.startsWith("fire")) give(session, "early")
    if (decision.endsWith("purge")) drop(session)
  }
  const move = (to: number): void => {
    for (;;) {
      const steps = sessions.flatMap((session) => [
        ...[...session.timers].map((time) => ({ time, session, kind: 0 })),
        { time: session.given ? end(session) + lateness : end(session), session, kind: 1 },
      ])
      const [next] = steps
        .filter(({ time }) => time <= to)
        .toSorted((a, b) => a.time - b.time || a.kind - b.kind || inOrder(a.session.key, b.session.key) || start(a.session) - start(b.session))
      if (next === undefined) break
      const { time, session, kind } = next
      if (kind === 0) {
        session.timers.delete(time)
        if (!session.given && end(session) > time && session.fresh > 0) decide(session, rule.onTime(time, session))
      } else if (session.given) drop(session)
      else {
        give(session, "final")
        session.given = true
        if (lateness === 0) drop(session)
      }
    }
    watermark = to
  }
  const mergedWith = (event: Event): Session | undefined => {
    const mine = sessions
      .filter((session) => session.key === event.k && event.t > start(session) - gap && event.t < end(session))
      .toSorted((a, b) => start(a) - start(b))
    if (mine.length === 0) {
      if (event.t + gap + lateness <= watermark) return undefined
      return { key: event.k, events: [event], fresh: 1, timers: new Set(), seen: 0, given: false }
    }
    sessions = sessions.filter((each) => !mine.includes(each))
    return {
      key: event.k,
      events: [...mine.flatMap(({ events }) => events), event],
      fresh: mine.reduce((sum, { fresh }) => sum + fresh, 1),
      timers: new Set(mine.flatMap(({ timers }) => [...timers])),
      seen: mine.reduce((sum, { seen }) => sum + seen, 0),
      given: false,
    }
  }

  for (const event of given) {
    if (event.t - outOfOrder > watermark) move(event.t - outOfOrder)
    const session = mergedWith(event)
    if (session === undefined) {
      late.push(event)
      continue
    }
    sessions.push(session)
    if (end(session) > watermark) decide(session, rule.onRecord(event, session))
    else {
      session.given = true
      give(session, "refined")
    }
  }
  move(Number.MAX_SAFE_INTEGER)
  return { results, late }
}

/** What is kept of a run's attempts that have ended: the newest few, and what is learnt of one afterwards. */
import { type ErrorData, limits } from "@millrace/model"
import type { AttemptFacts, Run } from "./run.ts"

/** An attempt of a run has ended. */
export function noteAttempt(run: Run, endedAt: number, outcome: AttemptFacts["outcome"], error: ErrorData | undefined, logs: readonly string[] | undefined): void {
  const facts = { startedAt: run.startedAt, endedAt, outcome }
  const withError = error === undefined ? facts : { ...facts, error }
  const attempt: AttemptFacts = logs === undefined || logs.length === 0 ? withError : { ...withError, logs }
  run.attempts = [...run.attempts.slice(1 - limits.attemptsKeptMax), attempt]
}

/** The attempts of a run whose newest took too long and has, as is known now, held its worker; undefined: the newest did not. */
export function blamed(attempts: readonly AttemptFacts[], error: ErrorData): readonly AttemptFacts[] | undefined {
  const attempt = attempts.at(-1)
  return attempt?.outcome === "timed-out" ? attempts.with(-1, { ...attempt, error }) : undefined
}

/**
 * The attempts of a run with what one had told that was aborted: the newest of those of which nothing is known, as each is heard of before
 * the next ends. Undefined: there is none.
 */
export function quoted(attempts: readonly AttemptFacts[], logs: readonly string[]): readonly AttemptFacts[] | undefined {
  const at = attempts.findLastIndex(({ outcome, logs: known }) => (outcome === "timed-out" || outcome === "cancelled") && known === undefined)
  const attempt = attempts[at]
  return attempt === undefined ? undefined : attempts.with(at, { ...attempt, logs })
}

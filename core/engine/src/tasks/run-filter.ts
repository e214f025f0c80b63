/** Which runs are meant: the same filter finds them in a list, begins them again, or cancels them. */
import type { Run, RunStatus } from "./run.ts"

export interface RunFilter<Status extends RunStatus = RunStatus> {
  readonly status?: Status
  /** Enqueued at or after this, in ms. */
  readonly since?: number
  /** Enqueued before this, in ms. */
  readonly until?: number
  /** Ended at or after this, in ms. */
  readonly endedSince?: number
  /** Ended before this, in ms. */
  readonly endedUntil?: number
  readonly key?: string
  /** The text of the input or of the error contains this. */
  readonly q?: string
}

/** Of runs that have ended without success. */
export type EndedRunFilter = RunFilter<"failed" | "cancelled" | "expired">

/** Of runs that have not ended. */
export type OpenRunFilter = Omit<RunFilter<"delayed" | "waiting" | "running">, "endedSince" | "endedUntil">

/**
 * @param filter - all that it says holds; of a run that has not ended, nothing holds of its end
 * @param input - gives the JSON of the run's input
 */
export function isFound(run: Run, filter: RunFilter, input: () => string): boolean {
  const { status, since, until, endedSince, endedUntil, key, q } = filter
  if (status !== undefined && run.status !== status) return false
  if (since !== undefined && run.enqueuedAt < since) return false
  if (until !== undefined && run.enqueuedAt >= until) return false
  if (endedSince !== undefined && (run.finishedAt === 0 || run.finishedAt < endedSince)) return false
  if (endedUntil !== undefined && (run.finishedAt === 0 || run.finishedAt >= endedUntil)) return false
  if (key !== undefined && run.key !== key) return false
  return q === undefined || input().includes(q) || (run.error?.message ?? "").includes(q)
}

/** What cannot be done with a run any more, or not yet. */
import { MillraceError } from "@millrace/model"
import { type RunStatus, isTerminal } from "./run.ts"

/** @throws MR1032 for a run that has ended otherwise */
export function assertCancellable(id: string, status: RunStatus): void {
  if (isTerminal(status) && status !== "cancelled") throw past(id, status, "there is nothing left to cancel")
}

/** @throws MR1032 for a run that did not fail, expire or get cancelled */
export function assertRetriable(id: string, status: RunStatus): void {
  if (!isTerminal(status) || status === "succeeded") throw past(id, status, "only one that failed, expired or was cancelled begins again")
}

function past(id: string, status: RunStatus, why: string): MillraceError {
  const is = status === "succeeded" || status === "failed" || status === "expired" ? `has ${status}` : `is ${status}`
  return new MillraceError("MR1032", `Run ${id} ${is}; ${why}.`, { run: id, status })
}

/**
 * Which runs a command for many is for, in steps: a step looks at so many runs that its transaction stays small, and says where the next one
 * goes on. Each run is met once.
 */
import { limits } from "@millrace/model"
import { isTerminal } from "./run.ts"
import { type EndedRunFilter, type OpenRunFilter, isFound } from "./run-filter.ts"
import { type Runs, runsPerBlock } from "./runs.ts"

/**
 * Runs that have ended without success, oldest first.
 *
 * @param after - the row at which the step before has stopped
 * @param full - whether the transaction should end
 * @returns where the next step begins; undefined: this was the last
 */
export function endedStep(runs: Runs, filter: EndedRunFilter, after: string | undefined, full: () => boolean, act: (number: number) => void): { readonly after: string | undefined } | undefined {
  let seen = 0
  let last = after
  for (const key of runs.failed(after)) {
    if (seen++ >= limits.runsPerStepMax || full()) return { after: last }
    last = key
    const number = Number.parseInt(key, 36)
    const run = runs.get(number)
    if (run !== undefined && isFound(run, filter, () => runs.inputSeen(number, run))) act(number)
  }
  return undefined
}

/**
 * Runs that have not ended, newest first: those that wait go before those in whose place they would start.
 *
 * @param before - only runs with lower numbers
 * @returns the `before` of the next step; undefined: this was the last
 */
export function openStep(runs: Runs, filter: OpenRunFilter, before: number, full: () => boolean, act: (number: number) => void): number | undefined {
  let seen = 0
  let last = before
  for (const block of runs.blocks()) {
    if (block * runsPerBlock >= before || !runs.isLive(block)) continue
    for (const [number, run] of [...runs.of(block)].toReversed()) {
      if (number >= before) continue
      if (seen++ >= limits.runsPerStepMax || full()) return last
      last = number
      if (!isTerminal(run.status) && isFound(run, filter, () => runs.inputSeen(number, run))) act(number)
    }
  }
  return undefined
}

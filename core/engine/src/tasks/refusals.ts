/** Why a request for runs is refused as a whole, in words that are the same on a node and in a test. */
import { MillraceError, errorFrom } from "@millrace/model"
import type { Rejected } from "../ingest.ts"

/** Why nothing was enqueued: the fault of the one input, or all faults by their places. */
export function inputsRefused(task: string, rejected: readonly Rejected[], rejectedUnlisted: number, isOne: boolean): MillraceError {
  const [first] = rejected
  if (first === undefined) return new MillraceError("MR1023", `task "${task}": the body holds no input.`)
  if (isOne) return errorFrom(first.problem)
  const all = rejected.length + rejectedUnlisted
  const message = `task "${task}": ${all} of the inputs ${all === 1 ? "does" : "do"} not fit, so none was enqueued; the first is input ${first.index}: ${first.problem.message}`
  // An asynchronous schema is nobody's input's fault.
  return new MillraceError(first.problem.code === "MR1212" ? "MR1212" : "MR1023", message, { rejected, rejectedUnlisted })
}

/** An idempotency key names what it came with first. */
export function otherInput(task: string, key: string): MillraceError {
  const mend = "repeat a key with the very same input alone, and give what is new a key of its own"
  return new MillraceError("MR1011", `task "${task}": the idempotency key ${JSON.stringify(key)} was used before with another input; ${mend}.`, { task })
}

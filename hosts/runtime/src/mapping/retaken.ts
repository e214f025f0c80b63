/** A failed batch once more before its function: how many of its records it has taken now, and why not all. */
import { verdictOf } from "@millrace/engine"
import type { FailedBatch } from "@millrace/model"
import type { Mapping, MappingNode } from "./mapping.ts"

export interface Retaken {
  /** Records from the batch's first one on, those that were skipped among them. */
  readonly taken: number
  /** Undefined: it has taken all. */
  readonly reason: string | undefined
}

/** @param skip - records that it has taken before */
export async function retaken(node: MappingNode, { function: name, plan }: Mapping, { payload }: FailedBatch, skip: number, signal: AbortSignal): Promise<Retaken> {
  const { Records } = payload
  const rest = Records.slice(skip)
  const answer = await node.invoker.invoke(name, JSON.stringify({ Records: rest }), { signal })
  if (answer.kind === "throttled") return { taken: skip, reason: "the function is throttled" }
  if (answer.kind === "failed") return { taken: skip, reason: `${answer.error.errorType}: ${answer.error.errorMessage}` }
  const rules = { reportBatchItemFailures: plan.reportBatchItemFailures, hasWindow: false }
  const verdict = verdictOf(answer.payload, rules, (identifier) => rest.findIndex(({ kinesis }) => kinesis.sequenceNumber === identifier))
  if (verdict.kind === "done") return { taken: Records.length, reason: undefined }
  const taken = skip + (verdict.kind === "partial" ? verdict.index : 0)
  return { taken, reason: `the function named a record that failed: ${Records[taken]?.kinesis.sequenceNumber ?? ""}` }
}

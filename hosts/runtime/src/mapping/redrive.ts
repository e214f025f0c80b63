/**
 * Redriving: the batches that a mapping has given up, from the stream that holds them, are invoked again in their order. A
 * batch that fails again stops its partition there; the next redrive goes on with it. What is done is kept.
 */
import { verdictOf } from "@millrace/engine"
import { BlockCursor, type FailedBatch, MillraceError, entryKind } from "@millrace/model"
import type { Mapping, MappingNode } from "./mapping.ts"

/** What a redrive came to. */
export interface Redriven {
  /** Batches and records that the function took. */
  readonly batches: number
  readonly records: number
  /** Batches that still wait: those behind what has failed again. */
  readonly waiting: number
  /** Why it stopped, by partition of the stream. */
  readonly failures: readonly { readonly partition: number; readonly shardId: string; readonly reason: string }[]
}

const readBytes = 1_048_576

/**
 * @throws MR1009 when the function's mapping has no stream for what it gives up
 */
export async function redrive(node: MappingNode, mapping: Mapping, signal: AbortSignal): Promise<Redriven> {
  const { onFailure } = mapping.plan
  const stream = onFailure?.kind === "stream" ? node.stream(onFailure.stream) : undefined
  if (stream === undefined) {
    const where = onFailure?.kind === "s3" ? `they lie in ${onFailure.to}` : "it has no destination"
    throw new MillraceError("MR1009", `Function "${mapping.function}": what its mapping gives up cannot be redriven, as ${where}. Give it onFailure: a stream.`, {
      function: mapping.function,
    })
  }
  let batches = 0
  let records = 0
  let waiting = 0
  const failures: { readonly partition: number; readonly shardId: string; readonly reason: string }[] = []
  for (let partition = 0; partition < stream.partitions; partition++) {
    let failed = false
    for await (const { batch, offset } of failedBatches(node, mapping, stream.name, partition)) {
      if (signal.aborted) return { batches, records, waiting, failures }
      if (failed) {
        waiting++
        continue
      }
      const before = node.positions.redriven(mapping.id, partition)
      const skip = before?.offset === offset ? before.taken : 0
      const outcome = await invoked(node, mapping, batch, skip, signal)
      records += outcome.taken - skip
      const isDone = outcome.reason === undefined
      const position = isDone ? { offset: offset + 1, taken: 0 } : { offset, taken: outcome.taken }
      await node.commits.durable(node.commits.append({ appends: [], state: [node.positions.redrive(mapping.id, partition, position)] }).sequence)
      if (isDone) {
        batches++
        continue
      }
      failed = true
      waiting++
      failures.push({ partition, shardId: batch.KinesisBatchInfo.shardId, reason: outcome.reason })
    }
  }
  return { batches, records, waiting, failures }
}

interface Found {
  readonly offset: number
  readonly batch: FailedBatch
}

/** The mapping's own failed batches, from where the last redrive has come to, up to what there is now. */
async function* failedBatches(node: MappingNode, mapping: Mapping, stream: string, partition: number): AsyncGenerator<Found> {
  const { durable, first } = node.store.extent(stream, partition)
  const suffix = `:function:${mapping.function}`
  for (let at = Math.max(first, node.positions.redriven(mapping.id, partition)?.offset ?? 0); at < durable; ) {
    const before = at
    for (const { base, block } of await node.store.read(stream, partition, at, readBytes)) {
      const cursor = new BlockCursor(block)
      for (let offset = base; offset < durable && cursor.next(); offset++) {
        if (offset < at) continue
        at = offset + 1
        if (cursor.kind !== entryKind.record) continue
        const batch = JSON.parse(Buffer.from(cursor.value).toString()) as FailedBatch
        // Several functions may give up to one stream.
        if (batch.requestContext?.functionArn.endsWith(suffix)) yield { offset, batch }
      }
    }
    if (at <= before) throw new Error(`redrive: ${stream}[${partition}] gave nothing at ${before}`)
  }
}

async function invoked(node: MappingNode, { function: name, plan }: Mapping, { payload }: FailedBatch, skip: number, signal: AbortSignal): Promise<{ readonly taken: number; readonly reason: string | undefined }> {
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

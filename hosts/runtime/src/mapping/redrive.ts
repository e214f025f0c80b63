/**
 * Redriving: the batches that a mapping has given up, from the stream or the bucket that holds them, are invoked again in their order. A
 * batch that fails again stops its partition there; the next redrive goes on with it. What is done is kept, or removed.
 */
import { BlockCursor, type FailedBatch, type MappingPlan, MillraceError, entryKind } from "@millrace/model"
import type { Mapping, MappingNode } from "./mapping.ts"
import { redriveObjects } from "./redrive-objects.ts"
import type { Redriven } from "./redriven.ts"
import { retaken } from "./retaken.ts"

const readBytes = 1_048_576

/** Whether what a mapping gives up can be read again. */
export function isKept({ onFailure }: MappingPlan): boolean {
  return onFailure?.kind === "stream" || onFailure?.kind === "s3"
}

export function keptNowhere({ function: name, plan }: Mapping): MillraceError {
  const what = `Function "${name}": what its mapping of "${plan.stream}" gives up is kept nowhere from where it could be read.`
  return new MillraceError("MR1009", `${what} Give it onFailure: a stream, or { s3: "s3://bucket/prefix" }.`, { function: name, stream: plan.stream })
}

/** @throws MR1009 when its stream of failures is not there, MR1501 when a bucket refuses */
export async function redrive(node: MappingNode, mapping: Mapping, signal: AbortSignal): Promise<Redriven> {
  const { onFailure } = mapping.plan
  if (onFailure?.kind === "s3") return redriveObjects(node, mapping, await mapping.objects(), signal)
  const stream = onFailure?.kind === "stream" ? node.stream(onFailure.stream) : undefined
  if (stream === undefined) throw keptNowhere(mapping)
  let batches = 0
  let records = 0
  let waiting = 0
  const failures: Redriven["failures"][number][] = []
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
      const outcome = await retaken(node, mapping, batch, skip, signal)
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
      failures.push({ stream: mapping.plan.stream, partition, shardId: batch.KinesisBatchInfo.shardId, reason: outcome.reason })
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
  const ofFunction = `:function:${mapping.function}`
  const ofStream = `:stream/${mapping.plan.stream}`
  for (let at = Math.max(first, node.positions.redriven(mapping.id, partition)?.offset ?? 0); at < durable; ) {
    const before = at
    for (const { base, block } of await node.store.read(stream, partition, at, readBytes)) {
      const cursor = new BlockCursor(block)
      for (let offset = base; offset < durable && cursor.next(); offset++) {
        if (offset < at) continue
        at = offset + 1
        if (cursor.kind !== entryKind.record) continue
        const batch = JSON.parse(Buffer.from(cursor.value).toString()) as FailedBatch
        // Several mappings, of several functions too, may give up to one stream.
        if (batch.requestContext?.functionArn.endsWith(ofFunction) && batch.KinesisBatchInfo?.streamArn.endsWith(ofStream)) yield { offset, batch }
      }
    }
    if (at <= before) throw new Error(`redrive: ${stream}[${partition}] gave nothing at ${before}`)
  }
}

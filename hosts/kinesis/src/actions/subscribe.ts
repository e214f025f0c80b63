/** SubscribeToShard: the records of a shard as they come, for five minutes. */
import { type SequenceNumbers, type Shard, shardId } from "@millrace/model"
import type { Api } from "../api.ts"
import type { Codec } from "../codec.ts"
import { EventStream, framing } from "../event-stream.ts"
import { KinesisFailure, failureOf } from "../failure.ts"
import type { KinesisStream } from "../catalog.ts"
import { type Start, endOf, offsetOf, shardOf } from "../shard-of.ts"
import { consumerOf } from "./consumers.ts"
import { childrenOf, readShard, shown } from "./get-records.ts"

interface SubscribeInput {
  readonly ConsumerARN: string
  readonly ShardId: string
  readonly StartingPosition: Start
}

/** A subscription lasts so long, in ms. */
const lastsMs = 300_000
/** A quiet subscription says that it lives so often, in ms. */
const quietMs = 5_000
/** Most records of one event. */
const eventRecordsMost = 1_000

export async function subscribeToShard(input: SubscribeInput, api: Api): Promise<EventStream> {
  const { stream, consumer } = await consumerOf({ ConsumerARN: input.ConsumerARN }, api)
  const now = api.clock.now()
  const shard = shardOf(stream, input.ShardId, now)
  const from = await offsetOf(api.node, stream, shard, input.StartingPosition, now)
  const name = `${stream.name}/${consumer.name}/${shardId(shard.partition)}`
  const end = api.subscriptions.begin(name, now)
  return new EventStream(
    messages(api, stream.name, shard.partition, from, end, () => api.subscriptions.over(name, end)),
  )
}

async function* messages(
  api: Api,
  name: string,
  partition: number,
  from: number,
  end: AbortController,
  over: () => void,
): AsyncGenerator<Uint8Array> {
  const { clock, codec, signal, node } = api
  const { contentType } = codec
  const stop = (): void => end.abort()
  signal.addEventListener("abort", stop)
  if (signal.aborted) stop()
  const cancel = clock.after(lastsMs, stop)
  try {
    yield framing.event("initial-response", contentType, codec.encode({}))
    let isFirst = true
    for (let next = from; !end.signal.aborted;) {
      // Looked up anew: it may have been closed, or deleted, meanwhile.
      const stream = await api.catalog.get(name)
      const shard = stream.shards[partition]
      if (shard === undefined) return
      const page = await readShard(api, stream, shard, next, eventRecordsMost)
      const isQuiet = page.records.length === 0 && !page.isOver
      if (!isQuiet || isFirst) yield eventOf(stream, shard, page, codec)
      if (page.isOver) return
      isFirst = false
      next = page.next
      // What has become durable since is not waited for.
      if (!isQuiet || endOf(node, stream, shard) > next) continue
      // The stream may also be closed: then nothing wakes it, and the next look finds it.
      isFirst = await quietFor(quietMs, end.signal, api)
    }
  } catch (error) {
    const failure =
      failureOf(error) ??
      new KinesisFailure("InternalFailureException", "The node failed in a way that it did not foresee.")
    if (node.unready === undefined || failure.type !== "InternalFailureException") {
      yield framing.exception(failure.type, contentType, codec.encode({ message: failure.message }))
    }
  } finally {
    cancel()
    signal.removeEventListener("abort", stop)
    over()
  }
}

/** Waits until there is more, but not for ever; true when the time was up. */
async function quietFor(ms: number, signal: AbortSignal, { clock, node }: Api): Promise<boolean> {
  const both = new AbortController()
  let isUp = false
  const stop = (): void => both.abort()
  const cancel = clock.after(ms, () => {
    isUp = true
    stop()
  })
  signal.addEventListener("abort", stop)
  if (signal.aborted) stop()
  try {
    await node.records.more(both.signal)
  } finally {
    cancel()
    signal.removeEventListener("abort", stop)
  }
  return isUp
}

function eventOf(
  stream: KinesisStream,
  shard: Shard,
  page: Awaited<ReturnType<typeof readShard>>,
  codec: Codec,
): Uint8Array {
  const numbers = stream.numbers[shard.partition] as SequenceNumbers
  const event = {
    Records: page.records.map((record) => shown(record, numbers, stream)),
    MillisBehindLatest: page.behindMs,
    // Of the last record before the place where reading goes on: consumers ask for what is behind it.
    ...(page.isOver
      ? { ChildShards: childrenOf(stream, shard) }
      : { ContinuationSequenceNumber: numbers.of(page.next - 1) }),
  }
  return framing.event("SubscribeToShardEvent", codec.contentType, codec.encode(event))
}

/** Appends values to another stream: one that users named, as JSON under its own key and time, or a repartition stream. */
import {
  type BlockWriter,
  MillraceError,
  type OperatorPlan,
  type StreamPlan,
  limits,
  partitionOf,
  shallowJson,
  writeValue,
} from "@millrace/model"
import { checked } from "../batch.ts"
import type { Push, StageContext } from "../context.ts"
import { keyOf, timeOf } from "../event-time.ts"
import type { Outputs } from "../outputs.ts"
import { upstreamOf } from "../reshard/upstream.ts"
import { asynchronous } from "./functions.ts"

/** The blocks of an output stream and the watermark last told to each of its partitions. */
export class Target {
  readonly stream: StreamPlan
  readonly outputs: Outputs
  readonly #context: StageContext
  readonly #blocks: BlockWriter[]
  readonly #told: Float64Array
  readonly #upstream: number
  #next = 0
  /** Event time of the earliest record that is still to come, whatever the watermark: it is not told beyond. */
  floor: (() => number) | undefined

  constructor(name: string, upstreamBase: number, context: StageContext) {
    this.stream = streamOf(context, name)
    this.outputs = context.outputs
    this.#context = context
    this.#blocks = Array.from({ length: this.stream.partitions }, (_, partition) => context.outputs.block(name, partition))
    this.#told = new Float64Array(this.stream.partitions).fill(Number.NEGATIVE_INFINITY)
    this.#upstream = upstreamOf(context.plan, this.stream, upstreamBase, context.stage, context.partition)
    this.#next = context.partition % this.stream.partitions
  }

  /** The block in which a record of this key goes, the watermark told before it. */
  blockFor(key: string): BlockWriter {
    const { partitions } = this.stream
    return this.blockOf(key === "" ? this.#next++ % partitions : partitionOf(key, partitions))
  }

  /** The block of a partition, the watermark told before what is appended next. */
  blockOf(partition: number): BlockWriter {
    const block = this.#blocks[partition] as BlockWriter
    if (this.stream.upstreams > 0) {
      const watermark = this.#watermark
      if (watermark > (this.#told[partition] as number)) {
        this.#told[partition] = watermark
        block.mark(this.#upstream, watermark)
      }
    }
    return block
  }

  get #watermark(): number {
    const { watermark } = this.#context
    return this.floor === undefined ? watermark : Math.min(watermark, this.floor())
  }

  /** Tells every partition how far time has come: at the end of a transaction. */
  tell(): void {
    if (this.stream.upstreams === 0) return
    const watermark = this.#watermark
    for (const [partition, block] of this.#blocks.entries()) {
      if (watermark > (this.#told[partition] as number)) {
        this.#told[partition] = watermark
        block.mark(this.#upstream, watermark)
      }
    }
  }

  /**
   * Tells every partition that nothing comes from here for now. A mark takes it back, so the next one is due with the next
   * input, be the watermark the same, and not before.
   */
  rest(): void {
    if (this.stream.upstreams === 0) return
    for (const block of this.#blocks) block.idle(this.#upstream)
    this.forget()
  }

  /** After a rollback or a rest: what was told may not have been heard; telling again is harmless. */
  forget(): void {
    this.#told.fill(Number.NEGATIVE_INFINITY)
  }
}

export function toStream(plan: Extract<OperatorPlan, { kind: "to-stream" }>, target: Target, context: StageContext): Push {
  const { stream } = target
  const code = context.program.streams.get(plan.stream)
  const what = `stream "${stream.name}"`
  return (value, key, time) => {
    // JSON would make {} of it without a word.
    if (value instanceof Promise) throw asynchronous(what)
    const valid = checked(value, stream.name, code)
    const newKey = code?.key === undefined ? key : keyOf(valid, stream, code)
    const newTime = code?.time === undefined ? time : timeOf(valid, Number.MAX_SAFE_INTEGER, stream, code)
    const text = shallowJson(value, what)
    if (text === undefined) {
      throw new MillraceError("MR1002", `${what}: a value without a JSON form (${typeof value}) cannot be sent to it.`)
    }
    const block = target.blockFor(newKey)
    const from = block.length
    checkSize(block.beginRecord(newKey, newTime).utf8(text), stream)
    block.endRecord(from)
    context.outputs.grew(block.length - from)
  }
}

export function repartition(target: Target): Push {
  return (value, key, time) => append(target, target.blockFor(key), value, key, time)
}

/** Every partition gets the record, whatever its key. */
export function broadcast(target: Target): Push {
  const { partitions } = target.stream
  return (value, key, time) => {
    for (let partition = 0; partition < partitions; partition++) append(target, target.blockOf(partition), value, key, time)
  }
}

function append({ stream, outputs }: Target, block: BlockWriter, value: unknown, key: string, time: number): void {
  const from = block.length
  const bytes = block.beginRecord(key, time)
  const begin = bytes.length
  writeValue(bytes, value)
  checkSize(bytes.length - begin, stream)
  block.endRecord(from)
  outputs.grew(block.length - from)
}

/** The next stage takes records up to the same size as a front door does. */
export function checkSize(bytes: number, { name }: StreamPlan): void {
  if (bytes <= limits.recordBytesMax) return
  throw new MillraceError("MR1013", `stream "${name}": a record of ${bytes} bytes; at most ${limits.recordBytesMax} are taken.`, {
    bytes,
    most: limits.recordBytesMax,
  })
}

function streamOf(context: StageContext, name: string): StreamPlan {
  const stream = context.plan.streams.find((each) => each.name === name)
  if (stream === undefined) throw new Error(`plan of ${context.plan.service}: stream ${name} is missing`)
  return stream
}

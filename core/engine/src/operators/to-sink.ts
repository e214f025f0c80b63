/**
 * Appends rows to a sink's stream and decides when a file is full. A file holds the rows of the offsets [from, to): the
 * transaction that appends row `to - 1` decides it, the file is written afterwards, from the log, under a name made of its number.
 * This operator is the only writer of its partition of the sink's stream, so it knows the offsets.
 */
import { type BlockWriter, type OperatorPlan, type SinkPlan, readValue, writeValue } from "@millrace/model"
import type { Push, StageContext, TimedOperator } from "../context.ts"
import type { Scope, StateCodec } from "../state.ts"
import { type SealedFile, sinkBuckets, sinkScope } from "./sink-files.ts"

/** The file being filled: its number, offsets [from, next), coded bytes, when its first row came. */
interface OpenFile {
  number: number
  from: number
  next: number
  bytes: number
  since: number
}

const fileCodec: StateCodec<OpenFile | SealedFile> = {
  write: (to, file) => writeValue(to, file),
  read: (from) => readValue(from) as OpenFile | SealedFile,
  copy: (file) => ({ ...file }),
}

export class SinkOperator implements TimedOperator {
  readonly #name: string
  readonly #sink: SinkPlan
  readonly #context: StageContext
  readonly #scope: Scope<OpenFile | SealedFile>
  readonly #block: BlockWriter
  due: number = Number.POSITIVE_INFINITY
  dueByClock: number = Number.POSITIVE_INFINITY

  constructor(plan: Extract<OperatorPlan, { kind: "to-sink" }>, context: StageContext) {
    const sink = context.plan.sinks.find((each) => each.name === plan.sink)
    if (sink === undefined) throw new Error(`plan of ${context.plan.service}: sink ${plan.sink} is missing`)
    this.#name = plan.name
    this.#sink = sink
    this.#context = context
    this.#block = context.outputs.block(plan.stream, context.partition)
    this.#scope = context.state.scope(sinkScope(context.plan.service, sink.name), fileCodec)
    this.reload()
  }

  push: Push = (value, key, time) => {
    const file = this.#file()
    const block = this.#block
    const from = block.length
    writeValue(block.beginRecord(key, time), value)
    block.endRecord(from)
    file.next++
    file.bytes += block.length - from
    this.#context.outputs.grew(block.length - from)
    if (file.next === file.from + 1) {
      const { now, watermark, step } = this.#context
      file.since = now
      this.#settle(file, Math.max(watermark, step - 1))
    }
    if (file.bytes >= this.#sink.roll.bytes) this.#seal(file)
  }

  advance(watermark: number): void {
    const file = this.#file()
    if (watermark >= this.due) this.#seal(file)
    else this.#settle(file, watermark)
  }

  tick(now: number): void {
    if (now >= this.dueByClock) this.#seal(this.#file())
  }

  end(): void {
    if (this.dueByClock !== Number.POSITIVE_INFINITY) this.#seal(this.#file())
  }

  /** The rows of the next partition lie in a partition of their own. */
  seal(): void {
    this.end()
  }

  reload(): void {
    const file = this.#scope.get(this.#scope.bucket(sinkBuckets.open), "file")?.value as OpenFile | undefined
    this.#settle(file ?? emptyFile(), this.#context.reachedBy(this.#name))
  }

  #seal(file: OpenFile): void {
    const { partition, effects } = this.#context
    const { number, from, next: to } = file
    const sealed = this.#scope.bucket(sinkBuckets.sealed)
    this.#scope.release(sealed)
    this.#scope.change(sealed, String(number).padStart(16, "0"), () => ({ number, from, to }))
    effects.push({ kind: "seal", sink: this.#sink.name, partition, number, from, to })
    file.number++
    file.from = to
    file.bytes = 0
    this.#settle(file, this.#context.watermark)
  }

  #file(): OpenFile {
    return this.#scope.change(this.#scope.bucket(sinkBuckets.open), "file", emptyFile).value as OpenFile
  }

  #settle(file: OpenFile, watermark: number): void {
    const { everyMs, watermarkMs } = this.#sink.roll
    const empty = file.next === file.from
    this.dueByClock = empty ? Number.POSITIVE_INFINITY : file.since + everyMs
    this.due = empty || watermarkMs === 0 ? Number.POSITIVE_INFINITY : nextMultiple(watermark, watermarkMs)
    if (this.due < this.#context.due) this.#context.due = this.due
  }
}

function emptyFile(): OpenFile {
  return { number: 0, from: 0, next: 0, bytes: 0, since: 0 }
}

/** The first multiple of `step` after `watermark`. Where there is no watermark yet, the first one passes multiples. */
function nextMultiple(watermark: number, step: number): number {
  if (watermark === Number.NEGATIVE_INFINITY) return -Number.MAX_VALUE
  return (Math.floor(watermark / step) + 1) * step
}

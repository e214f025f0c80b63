/**
 * How a run is kept, in few bytes: runs lie in the state by the million, and each is written two or three times. What is as it mostly is
 * takes a bit. Not for what others read: that is search.ts.
 *
 * 1. What is read is what was written: every field, whatever it holds.
 * 2. What versions before have written, which began with a bare status, is read as well.
 */
import { type ByteReader, type ByteWriter, type ErrorData, readValue, writeValue } from "@millrace/model"
import type { StateCodec } from "../state.ts"
import { isRandomKey, readRandomKey, writeRandomKey } from "./random-key.ts"
import { type AttemptFacts, type Run, type Trigger, runStatuses } from "./run.ts"

/** The first byte: this, the status, and whether somebody waits. */
const compact = 0x80
const statusBits = 0x07
const waitedBit = 0x08

/** The two bytes behind it. Times are said as ms since the enqueue where all of them are whole and that fits. */
const has = { due: 1, started: 2, finished: 4, wideTimes: 8, lease: 16, wideLease: 32, onceOnly: 64, key: 128, output: 256, succeededAtOnce: 512, idempotencyKey: 1_024, traceparent: 2_048, tracestate: 4_096, rest: 8_192, mayStart: 16_384, randomKey: 32_768 } as const

const u32End = 2 ** 32
/** At three bytes to a character. */
const plainLengthMost = 21_845

export const runCodec: StateCodec<Run> = {
  write(to: ByteWriter, run: Run) {
    const { enqueuedAt, lease, attempt, key, output, traceparent, tracestate, idempotencyKey } = run
    const flags = flagsOf(run)
    to.u8(compact | runStatuses.indexOf(run.status) | (run.waited ? waitedBit : 0))
    to.u16(flags)
    to.f64(enqueuedAt)
    if ((flags & has.due) !== 0) writeTime(to, flags, run.dueAt - enqueuedAt, run.dueAt)
    if ((flags & has.mayStart) !== 0) writeTime(to, flags, run.mayStartAt - enqueuedAt, run.mayStartAt)
    if ((flags & has.started) !== 0) writeTime(to, flags, run.startedAt - enqueuedAt, run.startedAt)
    if ((flags & has.finished) !== 0) writeTime(to, flags, run.finishedAt - enqueuedAt, run.finishedAt)
    if ((flags & has.wideLease) !== 0) to.f64(lease)
    else if ((flags & has.lease) !== 0) to.u32(lease)
    if ((flags & has.onceOnly) === 0) to.u32(attempt)
    if ((flags & has.key) !== 0) to.text16(key)
    to.text32(run.input)
    if (output !== undefined) to.text32(output)
    if ((flags & has.idempotencyKey) !== 0) to.text16(idempotencyKey as string)
    if ((flags & has.randomKey) !== 0) writeRandomKey(to, idempotencyKey as string)
    if ((flags & has.traceparent) !== 0) to.text16(traceparent as string)
    if ((flags & has.tracestate) !== 0) to.text16(tracestate as string)
    if ((flags & has.rest) === 0) return
    const { priority, trigger, lost, error, depth, scheduledAt } = run
    const attempts = (flags & has.succeededAtOnce) === 0 ? run.attempts : []
    const texts = [
      (flags & (has.idempotencyKey | has.randomKey)) === 0 ? idempotencyKey : undefined,
      (flags & has.traceparent) === 0 ? traceparent : undefined,
      (flags & has.tracestate) === 0 ? tracestate : undefined,
    ]
    writeValue(to, [priority, trigger, lost, error, attempts, depth, ...texts, ...(scheduledAt === undefined ? [] : [scheduledAt])])
  },
  read(from: ByteReader): Run {
    const head = from.u8()
    if ((head & compact) === 0) return readFormer(from, head)
    const flags = from.u16()
    const enqueuedAt = from.f64()
    const dueAt = (flags & has.due) === 0 ? enqueuedAt : readTime(from, flags, enqueuedAt)
    const mayStartAt = (flags & has.mayStart) === 0 ? enqueuedAt : readTime(from, flags, enqueuedAt)
    const startedAt = (flags & has.started) === 0 ? 0 : readTime(from, flags, enqueuedAt)
    const finishedAt = (flags & has.finished) === 0 ? 0 : readTime(from, flags, enqueuedAt)
    const lease = (flags & has.lease) === 0 ? 0 : (flags & has.wideLease) === 0 ? from.u32() : from.f64()
    const attempt = (flags & has.onceOnly) === 0 ? from.u32() : 1
    const key = (flags & has.key) === 0 ? "" : from.text16()
    const input = from.text32()
    const output = (flags & has.output) === 0 ? undefined : from.text32()
    const plainIdempotencyKey = (flags & has.idempotencyKey) !== 0 ? from.text16() : (flags & has.randomKey) !== 0 ? readRandomKey(from) : undefined
    const plainTraceparent = (flags & has.traceparent) === 0 ? undefined : from.text16()
    const plainTracestate = (flags & has.tracestate) === 0 ? undefined : from.text16()
    const rest = (flags & has.rest) === 0 ? noRest : (readValue(from) as Rest)
    const [priority, trigger, lost, error, others, depth, idempotencyKey = plainIdempotencyKey, traceparent = plainTraceparent, tracestate = plainTracestate, scheduledAt] = rest
    const attempts: readonly AttemptFacts[] = (flags & has.succeededAtOnce) === 0 ? others : [{ startedAt, endedAt: finishedAt, outcome: "succeeded" }]
    const times = { enqueuedAt, dueAt, mayStartAt, startedAt, finishedAt }
    const status = runStatuses[head & statusBits] as Run["status"]
    const waited = (head & waitedBit) !== 0
    return { status, input, key, priority, trigger, waited, ...times, lease, attempt, lost, output, error, attempts, traceparent, tracestate, idempotencyKey, depth, scheduledAt }
  },
  // Nothing in it is changed in place.
  copy: (run) => ({ ...run }),
  // Its object, its times as numbers of the heap, its texts' heads, its attempt.
  memoryBytes: 280,
}

type Rest = readonly [number, Trigger, number, ErrorData | undefined, readonly AttemptFacts[], number, string | undefined, string | undefined, string | undefined, number?]
const noRest: Rest = [0, "call", 0, undefined, [], 0, undefined, undefined, undefined]

function writeTime(to: ByteWriter, flags: number, since: number, at: number): void {
  if ((flags & has.wideTimes) === 0) to.u32(since)
  else to.f64(at)
}

function readTime(from: ByteReader, flags: number, enqueuedAt: number): number {
  return (flags & has.wideTimes) === 0 ? enqueuedAt + from.u32() : from.f64()
}

function flagsOf(run: Run): number {
  const { enqueuedAt, dueAt, mayStartAt, startedAt, finishedAt, lease, attempts } = run
  let flags = 0
  if (dueAt !== enqueuedAt) flags |= has.due
  if (mayStartAt !== enqueuedAt) flags |= has.mayStart
  if (startedAt !== 0) flags |= has.started
  if (finishedAt !== 0) flags |= has.finished
  if (!isNear(dueAt, enqueuedAt) || !isNear(mayStartAt, enqueuedAt) || (startedAt !== 0 && !isNear(startedAt, enqueuedAt)) || (finishedAt !== 0 && !isNear(finishedAt, enqueuedAt))) flags |= has.wideTimes
  if (lease !== 0) flags |= has.lease
  if (lease >= u32End) flags |= has.wideLease
  if (run.attempt === 1) flags |= has.onceOnly
  if (run.key !== "") flags |= has.key
  if (run.output !== undefined) flags |= has.output
  if (run.idempotencyKey !== undefined && isRandomKey(run.idempotencyKey)) flags |= has.randomKey
  else if (isPlain(run.idempotencyKey)) flags |= has.idempotencyKey
  if (isPlain(run.traceparent)) flags |= has.traceparent
  if (isPlain(run.tracestate)) flags |= has.tracestate
  const atOnce = attempts.length === 1 && isSuccess(attempts[0] as AttemptFacts, run)
  if (atOnce) flags |= has.succeededAtOnce
  const { priority, trigger, lost, error, depth, scheduledAt } = run
  const isRare = priority !== 0 || trigger !== "call" || lost !== 0 || error !== undefined || depth !== 0 || scheduledAt !== undefined
  const isLong =
    (run.idempotencyKey !== undefined && (flags & (has.idempotencyKey | has.randomKey)) === 0) ||
    (run.traceparent !== undefined && (flags & has.traceparent) === 0) ||
    (run.tracestate !== undefined && (flags & has.tracestate) === 0)
  if (isRare || isLong || (attempts.length > 0 && !atOnce)) flags |= has.rest
  return flags
}

/** Whether it is a text that UTF-8 can say, of a length that fits two bytes. */
function isPlain(text: string | undefined): boolean {
  return text !== undefined && text.length <= plainLengthMost && text.isWellFormed()
}

/** Whether a time is a whole number of ms since the enqueue that four bytes can say. */
function isNear(at: number, enqueuedAt: number): boolean {
  const since = at - enqueuedAt
  return since >= 0 && since < u32End && Number.isInteger(since) && enqueuedAt + since === at
}

/** Whether an attempt says nothing that the run does not say. */
function isSuccess({ startedAt, endedAt, outcome, error, logs }: AttemptFacts, run: Run): boolean {
  return outcome === "succeeded" && startedAt === run.startedAt && endedAt === run.finishedAt && error === undefined && logs === undefined
}

function readFormer(from: ByteReader, head: number): Run {
  const status = runStatuses[head] as Run["status"]
  const waited = from.u8() === 1
  const priority = from.u8() - 128
  const enqueuedAt = from.f64()
  const times = { enqueuedAt, dueAt: from.f64(), mayStartAt: enqueuedAt, startedAt: from.f64(), finishedAt: from.f64() }
  const lease = from.f64()
  const attempt = from.u32()
  const lost = from.u32()
  const key = from.text16()
  const input = from.text32()
  const output = from.u8() === 1 ? from.text32() : undefined
  const rest = readValue(from) as [Trigger, ErrorData | undefined, readonly AttemptFacts[], string | undefined, string | undefined, number, string?]
  const [trigger, error, attempts, traceparent, idempotencyKey, depth, tracestate] = rest
  return { status, input, key, priority, trigger, waited, ...times, lease, attempt, lost, output, error, attempts, traceparent, tracestate, idempotencyKey, depth, scheduledAt: undefined }
}

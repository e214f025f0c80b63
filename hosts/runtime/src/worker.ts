/**
 * A worker thread: runs user code. It decodes request bodies and owns stages and partitions ("seats"). It never writes: its
 * transactions go to the node, and the offsets of what it decoded come back from there.
 *
 * Inputs are gathered while messages come in and processed together, so that batches grow with the load.
 */
import { getHeapStatistics } from "node:v8"
import { parentPort, workerData } from "node:worker_threads"
import type { Batch, CallOutcome, StateReader, Transaction } from "@millrace/engine"
import { StageMachine, StateFault, StateMemory, decodeBlock } from "@millrace/engine/machine"
import { type Program, type StreamPlan, errorData } from "@millrace/model"
import { bindTaskCaller, noTaskCaller } from "@millrace/sdk/caller"
import { type FromWorker, type PoisonData, type Seat, type ToWorker, type TransactionData, type WorkerData, activity, seatName } from "./messages.ts"
import { Enrichments, NodeClock } from "./enrichments.ts"
import { free, Parcel } from "./parcel.ts"
import { fileURLToPath } from "node:url"
import { loadPrograms } from "./programs.ts"
import { collector, giveMemoryBackAtRest } from "./resting-heap.ts"
import { holdModules } from "./service-code.ts"
import { flatEffects, outcomesIn } from "./tasks/flat.ts"
import { toldReader } from "./told-reader.ts"
import { nextCron, openStateReader } from "./worker-compose.ts"
import { WorkerIntakes, packedIn } from "./worker-intakes.ts"

const { code, dataDir, stateBytesMost, transactionBytes, shards: given, activity: shared } = workerData as WorkerData
const doing = new Float64Array(shared)
/** The first slots: the engine shows there which record it has in hand, and in which step of what comes due it is. */
const cursor = new Float64Array(shared, activity.cursor * Float64Array.BYTES_PER_ELEMENT, 3)

interface Seated {
  readonly seat: Seat
  readonly number: number
  readonly machine: StageMachine
  readonly input: StreamPlan
  readonly program: Program
  /** Entries not reached yet that must not be processed. */
  readonly poison: Map<number, PoisonData[number][1]>
  /** Decoded input that waits. */
  waiting: Batch[]
  /** Outcomes that wait, by operator. */
  readonly outcomes: Map<string, { readonly of: unknown[]; messages: number }>
}

const seats = new Map<string, Seated>()
const busy = new Set<Seated>()
/** Seats whose state could not be read. */
const dropped = new Set<string>()
/** What all its seats remember together. */
const memory = new StateMemory(stateBytesMost)
let programs: ReadonlyMap<string, Program> = new Map()
const intakes = new WorkerIntakes(programOf, cursor, given)
let reader: StateReader | undefined
let scheduled = false
let now = 0
const clock = new NodeClock()
const enrichments = new Enrichments<Seated>(doing, clock, onCallEnded)
bindTaskCaller(noTaskCaller(() => (enrichments.running === undefined ? "a function of a stream" : `operator "${enrichments.running}"`)))
/** Messages that came. */
let taken = 0

function send(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer)
}

function programOf(service: string): Program {
  const program = programs.get(service)
  if (program === undefined) throw new Error(`worker: no service ${service}`)
  return program
}

function onMessage(message: ToWorker): void {
  if (doing[activity.ending] === 1) end()
  if (message.kind === "collect") return collect()
  taken++
  if ("now" in message) clock.tell(message.now)
  deal(message)
  if (!scheduled) doing[activity.handled] = taken
}

let collectGarbage: (() => void) | undefined

function collect(): void {
  collectGarbage ??= collector()
  collectGarbage()
  send({ kind: "collected", bytes: getHeapStatistics().used_heap_size })
}

function deal(message: Exclude<ToWorker, { kind: "collect" }>): void {
  switch (message.kind) {
    case "end":
      return end()
    case "ingest":
      return ingest(message)
    case "appended":
      now = message.now
      return appended(message)
    case "sit":
      return sit(message)
    case "input": {
      now = message.now
      const seated = seatedAt(message.seat)
      if (seated === undefined) return
      const { program, input, poison } = seated
      enter(activity.stage, seated.number)
      const batch = decodeBlock(message.block, message.base, message.skip, input, program.streams.get(input.name), cursor, poison)
      leave()
      return enqueue(seated, batch)
    }
    case "complete": {
      now = message.now
      const seated = seatedAt(message.seat)
      if (seated === undefined) return
      const waiting = seated.outcomes.get(message.operator) ?? { of: [], messages: 0 }
      seated.outcomes.set(message.operator, waiting)
      for (const outcome of outcomesIn(message.outcomes)) waiting.of.push(outcome)
      waiting.messages++
      return schedule(seated)
    }
    case "ask": {
      const seated = seats.get(seatName(message.seat))
      // What came before is done before the question is answered.
      if (seated !== undefined && busy.has(seated)) processWaiting()
      return send({ kind: "answer", id: message.id, answer: seated && withState(message.seat, () => seated.machine.ask(message.operator, message.question)) })
    }
    case "folded":
      for (const [seat, transactions] of message.seats) seats.get(seatName(seat))?.machine.onFolded(transactions)
      return
    case "shards":
      return intakes.reshard(message.shards)
    case "seal":
      now = message.now
      return seal(message)
    case "tick": {
      const seated = seatedAt(message.seat)
      if (seated === undefined) return
      now = message.now
      enter(activity.stage, seated.number)
      // In the midst of its input it is neither idle nor at the end of a step.
      const transaction = busy.has(seated) ? undefined : withState(message.seat, () => seated.machine.tick(message.now, message.waits))
      leave()
      if (transaction === undefined) send({ kind: "ticked", seat: message.seat, tickAt: seated.machine.tickAt })
      else deliver([{ seated, transaction }])
      // Calls that were too slow have made room for what waits.
      if (seated.waiting.length > 0 && !seated.machine.held) schedule(seated)
    }
  }
}

/** A call has ended; those that end together are taken up together. */
function onCallEnded(seated: Seated, operator: string, outcome: CallOutcome): void {
  now = Math.max(now, clock.now)
  const waiting = seated.outcomes.get(operator) ?? { of: [], messages: 0 }
  seated.outcomes.set(operator, waiting)
  waiting.of.push(outcome)
  schedule(seated)
}

function ingest(message: Extract<ToWorker, { kind: "ingest" }>): void {
  enter(activity.ingest, message.id)
  const answer = intakes.take(message)
  send(answer, answer.kind === "ingested" ? [answer.parcel.buffer] : [])
  leave()
}

function appended({ id, service, bases }: Extract<ToWorker, { kind: "appended" }>): void {
  for (const { stream, partition, batch } of intakes.placed(id, bases)) {
    const seated = seats.get(seatName({ service, stage: stream, partition }))
    if (seated !== undefined) enqueue(seated, batch)
  }
}

function sit({ seat, number, culprits: { poison, lost, watched }, now: at, openSince }: Extract<ToWorker, { kind: "sit" }>): void {
  reader ??= toldReader(() => openStateReader(dataDir), doing)
  const program = programOf(seat.service)
  const stage = program.plan.stages.find(({ id }) => id === seat.stage)
  const input = program.plan.streams.find(({ name }) => name === stage?.input)
  if (input === undefined) throw new Error(`worker: no stage ${seat.stage}`)
  const before = seats.get(seatName(seat))
  before?.machine.close()
  if (before !== undefined) enrichments.drop(before)
  const from = reader
  const bounds = { memory, transactionBytes, cron: nextCron, openSince, watched }
  const machine = withState(seat, () => new StageMachine(program, seat.stage, seat.partition, from, at, cursor, bounds))
  if (machine === undefined) return
  dropped.delete(seatName(seat))
  const seated: Seated = { seat, number, machine, input, program, poison: new Map(poison), waiting: [], outcomes: new Map() }
  seats.set(seatName(seat), seated)
  const { consumed, tickAt, watermark, ended, keys, pending } = machine
  send({ kind: "seated", seat, consumed, tickAt, watermark, ended, keys, pending })
  for (const [operator, call, { error, attempts }] of lost) {
    onCallEnded(seated, stage?.operators[operator]?.name ?? "", { kind: "lost", number: call, error, attempts })
  }
}

/** Other seats go on with its keys: nothing may come of this one behind the transaction that says so. */
function seal({ seat, watermark, now: at }: Extract<ToWorker, { kind: "seal" }>): void {
  const seated = seatedAt(seat)
  if (seated === undefined) return
  const { machine, number } = seated
  for (;;) {
    enter(activity.stage, number)
    const result = withState(seat, () => machine.seal(watermark, at))
    leave()
    if (result === undefined) return
    const { transaction, isSealed } = result
    if (isSealed) {
      seats.delete(seatName(seat))
      dropped.add(seatName(seat))
      busy.delete(seated)
    }
    deliver([{ seated, transaction, sealed: isSealed }])
    if (isSealed) {
      enrichments.drop(seated)
      return machine.close()
    }
    // Results of calls come first.
    if (machine.pending > 0) return
  }
}

function enqueue(seated: Seated, batch: Batch): void {
  seated.waiting.push(batch)
  schedule(seated)
}

function schedule(seated: Seated): void {
  busy.add(seated)
  if (scheduled) return
  scheduled = true
  // After the messages that are already here: what came together is processed together.
  setImmediate(processWaiting)
}

/** Does a seat's work; when its state cannot be read it is dropped, and the others go on. Undefined then too. */
function withState<T>(seat: Seat, work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof StateFault)) throw error
    leave()
    const seated = seats.get(seatName(seat))
    if (seated !== undefined) {
      seated.machine.close()
      enrichments.drop(seated)
      busy.delete(seated)
      seats.delete(seatName(seat))
    }
    dropped.add(seatName(seat))
    send({ kind: "state-fault", seat, error: errorData(error.cause) })
    return undefined
  }
}

/** Undefined: the seat was dropped, and the node does not know it yet. */
function seatedAt(seat: Seat): Seated | undefined {
  const seated = seats.get(seatName(seat))
  if (seated === undefined && !dropped.has(seatName(seat))) throw new Error(`worker: no seat ${seatName(seat)}`)
  return seated
}

function processWaiting(): void {
  scheduled = false
  const done: Done[] = []
  for (const seated of busy) {
    if (doing[activity.ending] === 1) end()
    const { machine, waiting, poison } = seated
    enter(activity.stage, seated.number)
    const transaction = withState(seated.seat, () => {
      for (const [operator, { of, messages }] of seated.outcomes) {
        done.push({ seated, transaction: machine.complete(operator, of, now), completed: messages })
      }
      seated.outcomes.clear()
      // One that takes no input goes on when calls have ended.
      return waiting.length === 0 || machine.held ? undefined : machine.apply(waiting, now, poison)
    })
    leave()
    if (transaction === undefined) {
      busy.delete(seated)
      continue
    }
    for (const offset of poison.keys()) if (offset < machine.consumed) poison.delete(offset)
    seated.waiting = waiting.filter(({ base, count }) => base + count > machine.consumed)
    done.push({ seated, transaction })
    busy.delete(seated)
    if (seated.waiting.length === 0) continue
    // The others first, then again this one.
    busy.add(seated)
    break
  }
  if (done.length > 0) deliver(done)
  if (busy.size === 0) doing[activity.handled] = taken
  else goOn()
}

/** A transaction has ended before its input: the next one follows when the node has taken what was sent, or nearly so. */
function goOn(): void {
  if (scheduled) return
  scheduled = true
  const behind = (doing[activity.sentBytes] as number) - (doing[activity.takenBytes] as number)
  if (behind <= transactionBytes) setImmediate(processWaiting)
  else {
    // Whoever watches sees that it is the disk that is waited for.
    doing[activity.inStore] = 1
    const timer = setInterval(() => {
      if (doing[activity.ending] === 1) end()
      if ((doing[activity.sentBytes] as number) - (doing[activity.takenBytes] as number) > transactionBytes) return
      clearInterval(timer)
      doing[activity.inStore] = 0
      processWaiting()
    }, 1)
  }
}

interface Done {
  readonly seated: Seated
  readonly transaction: Transaction
  readonly completed?: number
  readonly sealed?: boolean
}

function deliver(done: readonly Done[]): void {
  const parcel = new Parcel()
  const transactions = done.map(({ seated, transaction, completed = 0, sealed }): TransactionData => {
    const { appends, state, effects, calls: _calls, cancelled: _cancelled, ...facts } = transaction
    const stateAt = parcel.add(state)
    const packed = appends.map((append) => packedIn(parcel, append))
    return { ...facts, seat: seated.seat, keys: seated.machine.keys, overMemory: seated.machine.isOverMemory, completed, effects: flatEffects(effects), appends: packed, stateAt, stateLength: state.length, ...(sealed === undefined ? {} : { sealed }) }
  })
  const bytes = parcel.pack()
  doing[activity.ended] = (doing[activity.ended] as number) + done.length
  doing[activity.sentBytes] = (doing[activity.sentBytes] as number) + bytes.length
  for (const { transaction } of done) {
    free(transaction.state)
    for (const { block } of transaction.appends) free(block)
  }
  send({ kind: "transactions", transactions, parcel: bytes }, [bytes.buffer])
  for (const { seated, transaction } of done) if (!dropped.has(seatName(seated.seat))) enrichments.take(seated, transaction.calls, transaction.cancelled)
}

/** Lets go of the store and ends the thread, here where it does no harm. */
function end(): never {
  reader?.close()
  process.exit(0)
}

function enter(kind: number, job: number): void {
  cursor[0] = -1
  cursor[2] = 0
  doing[activity.job] = job
  doing[activity.kind] = kind
}

function leave(): void {
  doing[activity.kind] = activity.idle
}

try {
  const modules = holdModules(code)
  const loaded = await loadPrograms(code.files, () => [...modules.keys()].map((url) => fileURLToPath(url)))
  programs = new Map(loaded.map((program) => [program.plan.service, program]))
  parentPort?.on("message", onMessage)
  giveMemoryBackAtRest()
  send({ kind: "loaded", plans: loaded.map(({ plan }) => plan), modules })
} catch (error) {
  send({ kind: "refused", error: errorData(error) })
}

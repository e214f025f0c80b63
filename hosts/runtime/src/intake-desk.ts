/**
 * Requests on their way in: hands bodies to workers to be decoded, commits what they accept, and answers once it is durable.
 * A body is kept until its worker has answered, so that a worker that dies takes no request with it. An input that no code looks at is taken
 * here, where it arrives: the way to a worker and back would take longer than that.
 */
import type { BodyFormat, IngestPoison, Ingested, PlainIntake } from "@millrace/engine"
import { type ErrorData, MillraceError, type TraceFields, errorFrom, limits } from "@millrace/model"
import type { Commits } from "./commits.ts"
import type { Answer } from "./answer.ts"
import { type IdempotencyKeys, fingerprintOf } from "./idempotency.ts"
import type { FromWorker, TaskInputs, ToWorker } from "./messages.ts"
import { free, unpacked } from "./parcel.ts"
import { PlainInputs } from "./plain-inputs.ts"
import type { WorkerEnd } from "./worker-handle.ts"

export interface Request {
  readonly stream: string
  readonly format: BodyFormat
  readonly body: Uint8Array<ArrayBuffer>
  readonly idempotencyKey?: string
  /** W3C Trace Context of each record that brings none of its own. */
  readonly trace?: TraceFields
  /** The body holds inputs of this task, whose commands go to the stream. */
  readonly task?: TaskInputs
  /** Takes such inputs without a worker, where it can. */
  readonly plain?: PlainIntake
}

interface Pending {
  readonly id: number
  readonly request: Request
  readonly service: string
  worker: number
  /** Looks at which it still waited for its worker. */
  looks: number
  readonly key: string | undefined
  /** Records of it that have killed a worker. */
  poison: IngestPoison | undefined
  deaths: number
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

/** What the desk needs of the workers. */
export interface DeskWorkers {
  count(): number
  /** The worker with the least to do; among equals the one whose `turn` it is. */
  freest(turn: number): number
  /** Whether a worker has a body in hand, or has anything at all before it. */
  isAt(worker: number, id: number): boolean
  isFree(worker: number): boolean
  /** Takes back a body that has not been posted yet: its worker does not run. */
  withdraw(worker: number, id: number): void
  /** Posts a message, starting the worker when need be. */
  post(worker: number, message: ToWorker): void
  /** Whether a partition's shard was split or merged: it takes nothing more. */
  isClosed(stream: string, partition: number): boolean
}

export class IntakeDesk {
  readonly #commits: Commits
  readonly #workers: DeskWorkers
  readonly #keys: IdempotencyKeys
  readonly #clock: () => number
  readonly #queueBytesMost: number
  readonly #assertOpen: (stream: string) => void
  readonly #pending: Map<number, Pending> = new Map()
  readonly #plain: PlainInputs
  /** Who waits for requests to be settled. */
  readonly #waiting: Set<{ readonly ids: Set<number>; readonly resolve: () => void }> = new Set()
  #nextId = 1
  #turn = 0
  #queuedBytes = 0
  /** Figures since the start. */
  accepted = 0
  rejected = 0

  /**
   * @param queueBytesMost - bytes of bodies that may wait for a worker
   * @param assertOpen - throws MR1033 for a stream that has ended
   */
  constructor(commits: Commits, workers: DeskWorkers, keys: IdempotencyKeys, clock: () => number, queueBytesMost: number, assertOpen: (stream: string) => void) {
    this.#commits = commits
    this.#plain = new PlainInputs(async (append) => {
      const { sequence, bases } = commits.append({ appends: [append], state: [] })
      await commits.durable(sequence)
      return bases[0] as number
    })
    this.#workers = workers
    this.#keys = keys
    this.#clock = clock
    this.#queueBytesMost = queueBytesMost
    this.#assertOpen = assertOpen
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  get pending(): number {
    return this.#pending.size
  }

  /** Resolves once what was taken for a stream by now has its place in the journal, or is refused. */
  settled(stream: string): Promise<void> {
    const ids = new Set([...this.#pending.values()].flatMap(({ id, request }) => (request.stream === stream ? [id] : [])))
    return ids.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.add({ ids, resolve }))
  }

  /** @throws MR1010, MR1011, MR1033, MR1303 and what decoding throws */
  async take(service: string, request: Request): Promise<Answer> {
    const { idempotencyKey, stream, body } = request
    const key = idempotencyKey === undefined ? undefined : `${stream}\n${idempotencyKey}`
    const fingerprint = key === undefined ? 0 : fingerprintOf(body)
    const earlier = key === undefined ? undefined : this.#keys.earlier(key, fingerprint)
    if (earlier !== undefined) return earlier
    this.#assertOpen(stream)
    if (this.#queuedBytes + body.length > this.#queueBytesMost) {
      throw new MillraceError("MR1010", "More requests wait to be decoded than the node takes at once; send again after a moment.")
    }
    if (request.plain !== undefined && request.task !== undefined && key === undefined) {
      const format = request.format === "ndjson" ? "ndjson" : "json"
      if (request.plain.takes(body, format)) {
        const taken = request.plain.take(body, format, request.task.facts, this.#clock())
        this.#count(taken)
        return this.#plain.take(taken)
      }
    }
    const answer = new Promise<Answer>((resolve, reject) => {
      const pending: Pending = {
        id: this.#nextId++,
        request,
        service,
        worker: this.#workers.freest(this.#turn++),
        looks: 0,
        key,
        poison: undefined,
        deaths: 0,
        resolve,
        reject,
      }
      this.#queuedBytes += body.length
      this.#pending.set(pending.id, pending)
      this.#send(pending)
    })
    if (key !== undefined) this.#keys.begin(key, fingerprint, answer)
    return answer
  }

  #count({ accepted, rejected, rejectedUnlisted }: Pick<Ingested, "accepted" | "rejected" | "rejectedUnlisted">): void {
    this.accepted += accepted
    this.rejected += rejected.length + rejectedUnlisted
  }

  /** @param from - the worker that says so */
  onIngested(message: Extract<FromWorker, { kind: "ingested" }>, from: number): void {
    const waiting = this.#pending.get(message.id)
    if (waiting !== undefined && message.appends.some(({ stream, partition }) => this.#workers.isClosed(stream, partition))) {
      // Its stream was resharded while the worker had it: it is placed anew.
      this.#workers.post(from, { kind: "appended", id: message.id, service: "", bases: [], now: this.#clock() })
      this.#send(waiting)
      return
    }
    const pending = this.#settle(message.id)
    if (pending === undefined) {
      // Decoded twice, or refused meanwhile: nobody will ask for what was decoded.
      this.#workers.post(from, { kind: "appended", id: message.id, service: "", bases: [], now: this.#clock() })
      return
    }
    const { accepted, rejected, rejectedUnlisted, parcel, places } = message
    this.#count(message)
    if (accepted === 0) {
      // Nothing happened that a repeat could do twice.
      if (pending.key !== undefined) this.#keys.forget(pending.key)
      pending.resolve({ accepted, rejected, rejectedUnlisted, positions: [] })
      return
    }
    const { key, service, id } = pending
    const appends = message.appends.map((packed) => unpacked(packed, parcel))
    // The answer names offsets, the commit keeps the answer, the append decides the offsets: so the store is asked first.
    const bases = this.#commits.nextOffsets(appends)
    const positions = appends.map(({ partition, count }, i) => {
      const first = bases[i] as number
      return { partition, first, last: first + count - 1 }
    })
    const answer: Answer = { accepted, rejected, rejectedUnlisted, positions, ...(places === undefined ? {} : { places }) }
    try {
      const state = key === undefined ? [] : this.#keys.changes(key, answer)
      const { sequence } = this.#commits.append({ appends, state }, { worker: from, ingest: id, service })
      if (key !== undefined) this.#keys.keep(key, answer)
      this.#commits.durable(sequence).then(() => pending.resolve(answer), pending.reject)
    } catch (error) {
      pending.reject(error as Error)
    }
  }

  onNotIngested({ id, error }: Extract<FromWorker, { kind: "not-ingested" }>): void {
    this.#settle(id)?.reject(errorFrom(error))
  }

  /**
   * A worker is gone: its bodies go to the next one, without the record that brought it down; a body that has done so
   * `limits.attemptsMax` times is refused as a whole.
   */
  onWorkerEnd(worker: number, end: WorkerEnd): void {
    for (const pending of this.#pending.values()) {
      if (pending.worker !== worker) continue
      if (end.kind === "ingest" && end.job === pending.id) {
        const { stream, task } = pending.request
        const what = task === undefined ? `record ${end.record} of a request to stream "${stream}", in its schema, key or event time` : `input ${end.record} of a request to task "${task.name}", in its schema, key or priority`
        const message = `${what}: ${end.error.message}`
        const error = { ...end.error, message, details: { ...end.error.details, stream, index: end.record } }
        pending.deaths++
        if (pending.deaths >= limits.attemptsMax) {
          this.#settle(pending.id)?.reject(errorFrom(error))
          continue
        }
        pending.poison = new Map([...(pending.poison ?? []), [end.record, error]])
      }
      this.#send(pending)
    }
  }

  /**
   * Passes on what has waited since the last look but one to a worker that has nothing to do: user code may hold its own for long. Whoever
   * decodes it first is heard.
   */
  look(): void {
    const workers = this.#workers
    for (const pending of this.#pending.values()) {
      if (pending.looks++ < 1 || workers.isAt(pending.worker, pending.id)) continue
      const free = workers.freest(pending.worker)
      if (free === pending.worker || !workers.isFree(free)) return
      // What has been posted was copied; what has not must not lie there once the body is freed.
      workers.withdraw(pending.worker, pending.id)
      pending.worker = free
      pending.looks = 0
      this.#send(pending)
    }
  }

  /** Other workers have taken over: all bodies that wait go to them. */
  sendAgain(): void {
    for (const pending of this.#pending.values()) {
      pending.worker %= this.#workers.count()
      this.#send(pending)
    }
  }

  /** Refuses all that waits: the node cannot go on. */
  refuseAll(error: ErrorData): void {
    for (const id of this.#pending.keys()) this.#settle(id)?.reject(errorFrom(error))
  }

  #send({ id, request, service, worker, poison }: Pending): void {
    const { stream, format, body, task, trace } = request
    const plain: ToWorker = { kind: "ingest", id, stream, service, format, body, now: this.#clock(), poison }
    const message: ToWorker = trace === undefined ? plain : { ...plain, trace }
    this.#workers.post(worker, task === undefined ? message : { ...message, task })
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    if (pending === undefined) return undefined
    this.#pending.delete(id)
    this.#queuedBytes -= pending.request.body.length
    for (const waiting of this.#waiting) {
      if (!waiting.ids.delete(id) || waiting.ids.size > 0) continue
      this.#waiting.delete(waiting)
      waiting.resolve()
    }
    free(pending.request.body)
    return pending
  }
}

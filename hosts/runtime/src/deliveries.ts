/**
 * Files on their way out. A transaction has decided that a file holds the rows [from, to) of a sink's partition; here the
 * rows are read from the log and handed to the delivery thread, which encodes and puts the file. Then a commit of the node
 * notes that it is done. A crash in between puts the same bytes under the same name again.
 */
import { type SealFile, type SealedFile, type StateReader, type Store, sinkBuckets, sinkScope } from "@millrace/engine"
import {
  type ErrorData,
  type Plan,
  type RollPlan,
  type SinkPlan,
  StateChangesWriter,
  errorData,
  errorKind,
  limits,
  valueFrom,
} from "@millrace/model"
import type { Commits } from "./commits.ts"
import type { DeliveryThread } from "./delivery-handle.ts"
import type { Log } from "./log.ts"

const readBytes = 4 * 1024 * 1024
/** Files under way at once. */
const concurrency = 2

interface Job extends SealFile {
  readonly service: string
  /** The sink as it was when the file was decided; as it is now, once that could not be carried out. */
  plan: SinkPlan
  attempts: number
  /** Why the last attempt failed. */
  error: ErrorData | undefined
}

/** What `/v1/status` says of a sink. */
export interface SinkStatus {
  readonly service: string
  readonly sink: string
  /** The directory, or `s3://bucket/prefix`, that holds its files. */
  readonly place: string
  readonly format: string
  /** When a file is full, whichever comes first: so many bytes, so long after its first row, the watermark at a multiple of this (0: never). */
  readonly roll: RollPlan
  /** Rows in the files that are being filled, which nobody sees before they are full. */
  readonly open: number
  /** Files decided and not yet delivered. */
  readonly pending: number
  /** Files since the node started, and their rows. */
  readonly delivered: number
  readonly rows: number
  /** Attempts that failed. */
  readonly failures: number
  /** Why the oldest file that could not be delivered yet could not. */
  readonly error?: ErrorData
}

interface Figures {
  pending: number
  delivered: number
  rows: number
  failures: number
}

interface Sink {
  readonly service: string
  plan: SinkPlan
  readonly figures: Figures
  /** By partition: the offset behind the last row that a decided file holds. */
  readonly sealed: number[]
}

export interface DeliveriesParts {
  readonly store: Store
  readonly commits: Commits
  readonly thread: DeliveryThread
  readonly log: Log
  /** Runs something after a while: the retry of a delivery. */
  readonly later: (ms: number, act: () => void) => void
  readonly retryMsMin: number
  /** Where sinks without a place of their own write. */
  readonly outDir: string
}

export class Deliveries {
  readonly #parts: DeliveriesParts
  readonly #sinks: Map<string, Sink> = new Map()
  /** Files decided and not yet delivered, by the sink's stream and partition. */
  readonly #needed: Map<string, Set<Job>> = new Map()
  readonly #queue: Job[] = []
  /** Files that no later attempt can deliver before the sink is defined otherwise. */
  readonly #stuck: Set<Job> = new Set()
  readonly #changes = new StateChangesWriter()
  #running = 0
  #stopped = false

  constructor(parts: DeliveriesParts) {
    this.#parts = parts
  }

  /** Learns the sinks of a service and takes up what was decided but not delivered before the last stop. */
  open(plan: Plan, reader: StateReader): void {
    for (const sink of plan.sinks) {
      const known = this.#sinks.get(sinkName(plan.service, sink.name))
      if (known !== undefined) {
        known.plan = sink
        this.#unstick(known)
        continue
      }
      this.#sinks.set(sinkName(plan.service, sink.name), {
        service: plan.service,
        plan: sink,
        figures: { pending: 0, delivered: 0, rows: 0, failures: 0 },
        sealed: [],
      })
      const stream = plan.streams.find(({ name }) => name === sink.stream)
      for (let partition = 0; partition < (stream?.partitions ?? 0); partition++) {
        this.#sealedTo(plan.service, sink.name, partition, this.openFrom(sink.stream, partition))
        for (const [, bytes] of reader.entries(sinkScope(plan.service, sink.name), partition, sinkBuckets.sealed)) {
          const { number, from, to } = valueFrom(bytes) as SealedFile
          this.add(plan.service, { kind: "seal", sink: sink.name, partition, number, from, to })
        }
      }
    }
  }

  /** The sink is defined anew: what the old definition could not carry out is tried with the new one. */
  #unstick({ service, plan }: Sink): void {
    for (const job of this.#stuck) {
      if (job.service !== service || job.sink !== plan.name) continue
      this.#stuck.delete(job)
      job.plan = plan
      job.attempts = 0
      this.#queue.push(job)
    }
    this.#next()
  }

  /** A durable transaction has decided a file. */
  add(service: string, file: SealFile): void {
    const sink = this.#sinks.get(sinkName(service, file.sink))
    if (sink === undefined) throw new Error(`deliveries: no sink ${file.sink}`)
    const job: Job = { ...file, service, plan: sink.plan, attempts: 0, error: undefined }
    sink.figures.pending++
    this.#sealedTo(service, file.sink, file.partition, file.to)
    const name = partitionName(sink.plan.stream, file.partition)
    const jobs = this.#needed.get(name) ?? new Set()
    jobs.add(job)
    this.#needed.set(name, jobs)
    this.#queue.push(job)
    this.#next()
  }

  get pending(): number {
    let pending = 0
    for (const { figures } of this.#sinks.values()) pending += figures.pending
    return pending
  }

  status(): SinkStatus[] {
    return [...this.#sinks.values()].map(({ service, plan, figures, sealed }) => {
      const error = this.#errorOf(service, plan)
      const { name, format, roll, to = this.#parts.outDir } = plan
      const open = sealed.reduce((rows, from, partition) => rows + Math.max(0, this.#parts.store.extent(plan.stream, partition).next - from), 0)
      return { service, sink: name, place: `${to.replace(/\/+$/, "")}/${name}`, format, roll, open, ...figures, ...(error === undefined ? {} : { error }) }
    })
  }

  #sealedTo(service: string, sink: string, partition: number, to: number): void {
    const sealed = this.#sinks.get(sinkName(service, sink))?.sealed
    if (sealed !== undefined) sealed[partition] = Math.max(sealed[partition] ?? 0, to)
  }

  #errorOf(service: string, { name }: SinkPlan): ErrorData | undefined {
    for (const jobs of this.#needed.values()) {
      for (const job of jobs) if (job.service === service && job.sink === name && job.error !== undefined) return job.error
    }
    return undefined
  }

  /** The oldest offset of a sink's partition that a file under way still needs; Infinity: none. */
  neededFrom(stream: string, partition: number): number {
    let least = Number.POSITIVE_INFINITY
    for (const { from } of this.#needed.get(partitionName(stream, partition)) ?? []) if (from < least) least = from
    return least
  }

  /** The oldest offset that the file being filled needs, as of the last fold. */
  openFrom(stream: string, partition: number): number {
    for (const { service, plan } of this.#sinks.values()) {
      if (plan.stream !== stream) continue
      for (const [, bytes] of this.#parts.store.state.entries(sinkScope(service, plan.name), partition, sinkBuckets.open)) {
        return (valueFrom(bytes) as { readonly from: number }).from
      }
    }
    return 0
  }

  stop(): void {
    this.#stopped = true
    this.#queue.length = 0
  }

  #next(): void {
    while (this.#running < concurrency && !this.#stopped) {
      const job = this.#queue.shift()
      if (job === undefined) return
      this.#running++
      this.#deliver(job)
        .then((rows) => this.#done(job, rows))
        .catch((error: unknown) => this.#failed(job, error))
        .finally(() => {
          this.#running--
          this.#next()
        })
    }
  }

  async #deliver({ plan, partition, number, from, to }: Job): Promise<number> {
    const { thread, store } = this.#parts
    const file = thread.open({ sink: plan, partition, number })
    try {
      for (let at = from; at < to; ) {
        const slices = await store.read(plan.stream, partition, at, readBytes)
        for (const { base, count, block } of slices) {
          if (base >= to) break
          await file.rows(block.slice(), Math.max(0, at - base), Math.min(count, to - base))
          at = Math.min(base + count, to)
        }
        if (slices.length === 0) throw new Error(`deliveries: ${plan.stream}[${partition}] ends before ${to}`)
      }
      return await file.close()
    } catch (error) {
      if (!this.#stopped) file.abandon()
      throw error
    }
  }

  /** Notes that a file is where it belongs; one that could not be noted is put again as it is. */
  async #done(job: Job, rows: number): Promise<void> {
    const { service, plan, partition, number } = job
    const { commits } = this.#parts
    if (this.#stopped) return
    const changes = this.#changes
    changes.beginBucket(sinkScope(service, plan.name), partition, sinkBuckets.sealed, false)
    changes.remove(String(number).padStart(16, "0"))
    changes.endBucket()
    const { sequence } = commits.append({ appends: [], state: [changes.take()] })
    await commits.durable(sequence)
    this.#needed.get(partitionName(plan.stream, partition))?.delete(job)
    const figures = this.#sinks.get(sinkName(service, plan.name))?.figures
    if (figures === undefined) return
    figures.pending--
    figures.delivered++
    figures.rows += rows
  }

  #failed(job: Job, error: unknown): void {
    if (this.#stopped) return
    const { log, later, retryMsMin } = this.#parts
    const data = errorData(error)
    const { service, plan, partition, number } = job
    const sink = this.#sinks.get(sinkName(service, plan.name))
    if (sink !== undefined) sink.figures.failures++
    const facts = { sink: plan.name, partition, number, attempts: ++job.attempts, ...data }
    job.error = data
    if (errorKind(data.code).advice === "fix") {
      log.error(facts, "a file cannot be delivered as its sink is defined; it waits for a deployment or a restart")
      this.#stuck.add(job)
      // The mend may have come while the attempt was under way.
      if (sink !== undefined && sink.plan !== plan) this.#unstick(sink)
      return
    }
    const wait = Math.min(limits.deliveryRetryMsMax, retryMsMin * 2 ** Math.min(job.attempts - 1, 20))
    log.error({ ...facts, retryInMs: wait }, "a file could not be delivered")
    later(wait, () => {
      if (this.#stopped) return
      this.#queue.push(job)
      this.#next()
    })
  }
}

function sinkName(service: string, sink: string): string {
  return `${service}\n${sink}`
}

function partitionName(stream: string, partition: number): string {
  return `${stream}\n${partition}`
}

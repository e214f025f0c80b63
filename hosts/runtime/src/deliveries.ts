/**
 * Files on their way out. A transaction has decided that a file holds the rows [from, to) of a sink's partition; here the
 * rows are read from the log and handed to the delivery thread, which encodes and puts the file. Then a commit of the node
 * notes that it is done. A crash in between puts the same bytes under the same name again.
 */
import { type SealFile, type SealedFile, type StateReader, type Store, sinkBuckets, sinkScope } from "@millrace/engine"
import { type ErrorData, type Plan, type SinkPlan, StateChangesWriter, errorData, valueFrom } from "@millrace/model"
import type { Commits } from "./commits.ts"
import type { DeliveryThread } from "./delivery-handle.ts"
import type { Log } from "./log.ts"

const readBytes = 4 * 1024 * 1024
/** Files under way at once. */
const concurrency = 2

interface Job extends SealFile {
  readonly service: string
  readonly plan: SinkPlan
  attempts: number
}

/** What `/v1/status` says of a sink. */
export interface SinkStatus {
  readonly service: string
  readonly sink: string
  readonly pending: number
  readonly delivered: number
  readonly rows: number
  readonly error?: ErrorData
}

interface Figures {
  pending: number
  delivered: number
  rows: number
  error: ErrorData | undefined
}

export class Deliveries {
  readonly #store: Store
  readonly #commits: Commits
  readonly #thread: DeliveryThread
  readonly #log: Log
  readonly #later: (ms: number, act: () => void) => void
  readonly #sinks: Map<string, { readonly service: string; readonly plan: SinkPlan; readonly figures: Figures }> = new Map()
  /** Lowest offset that a file under way still needs, by sink and partition. */
  readonly #needed: Map<string, Set<Job>> = new Map()
  readonly #queue: Job[] = []
  readonly #changes = new StateChangesWriter()
  #running = 0
  #stopped = false

  /** @param later - runs something after a while: the retry of a delivery */
  constructor(store: Store, commits: Commits, thread: DeliveryThread, log: Log, later: (ms: number, act: () => void) => void) {
    this.#store = store
    this.#commits = commits
    this.#thread = thread
    this.#log = log
    this.#later = later
  }

  /** Learns the sinks of a service and takes up what was decided but not delivered before the last stop. */
  open(plan: Plan, reader: StateReader): void {
    for (const sink of plan.sinks) {
      // A sink that was here before the deployment: its files are under way already, by the plan that decided them.
      if (this.#sinks.has(sinkName(plan.service, sink.name))) {
        this.#renew(plan.service, sink)
        continue
      }
      this.#sinks.set(sinkName(plan.service, sink.name), {
        service: plan.service,
        plan: sink,
        figures: { pending: 0, delivered: 0, rows: 0, error: undefined },
      })
      const stream = plan.streams.find(({ name }) => name === sink.stream)
      for (let partition = 0; partition < (stream?.partitions ?? 0); partition++) {
        for (const [, bytes] of reader.entries(sinkScope(plan.service, sink.name), partition, sinkBuckets.sealed)) {
          const { number, from, to } = valueFrom(bytes) as SealedFile
          this.add(plan.service, { kind: "seal", sink: sink.name, partition, number, from, to })
        }
      }
    }
  }

  #renew(service: string, plan: SinkPlan): void {
    const name = sinkName(service, plan.name)
    const { figures } = this.#sinks.get(name) ?? { figures: { pending: 0, delivered: 0, rows: 0, error: undefined } }
    this.#sinks.set(name, { service, plan, figures })
  }

  /** A durable transaction has decided a file. */
  add(service: string, file: SealFile): void {
    const sink = this.#sinks.get(sinkName(service, file.sink))
    if (sink === undefined) throw new Error(`deliveries: no sink ${file.sink}`)
    const job: Job = { ...file, service, plan: sink.plan, attempts: 0 }
    sink.figures.pending++
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
    return [...this.#sinks.values()].map(({ service, plan, figures }) => {
      const { pending, delivered, rows, error } = figures
      return { service, sink: plan.name, pending, delivered, rows, ...(error === undefined ? {} : { error }) }
    })
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
      for (const [, bytes] of this.#store.state.entries(sinkScope(service, plan.name), partition, sinkBuckets.open)) {
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

  async #deliver(job: Job): Promise<number> {
    const { plan, partition, number, from, to } = job
    const file = this.#thread.open({ sink: plan, partition, number })
    for (let at = from; at < to; ) {
      const slices = await this.#store.read(plan.stream, partition, at, readBytes)
      for (const { base, count, block } of slices) {
        if (base >= to) break
        await file.rows(block.slice(), Math.max(0, at - base), Math.min(count, to - base))
        at = Math.min(base + count, to)
      }
      if (slices.length === 0) throw new Error(`deliveries: ${plan.stream}[${partition}] ends before ${to}`)
    }
    return file.close()
  }

  #done(job: Job, rows: number): void {
    const { service, plan, partition, number } = job
    if (this.#stopped) return
    this.#changes.beginBucket(sinkScope(service, plan.name), partition, sinkBuckets.sealed, false)
    this.#changes.remove(String(number).padStart(16, "0"))
    this.#changes.endBucket()
    // If this commit is lost, the file is put again as it is.
    this.#commits.append({ appends: [], state: [this.#changes.take()] })
    this.#needed.get(partitionName(plan.stream, partition))?.delete(job)
    const figures = this.#sinks.get(sinkName(service, plan.name))?.figures
    if (figures === undefined) return
    figures.pending--
    figures.delivered++
    figures.rows += rows
    figures.error = undefined
  }

  #failed(job: Job, error: unknown): void {
    if (this.#stopped) return
    const data = errorData(error)
    const { service, plan, partition, number } = job
    const figures = this.#sinks.get(sinkName(service, plan.name))?.figures
    if (figures !== undefined) figures.error = data
    const wait = Math.min(60_000, 500 * 2 ** Math.min(job.attempts, 10))
    job.attempts++
    this.#log.error({ sink: plan.name, partition, number, attempts: job.attempts, retryInMs: wait, ...data }, "a file could not be delivered")
    this.#later(wait, () => {
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

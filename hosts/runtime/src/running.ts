/**
 * What runs now, as the services define it that were deployed last: their plans and streams, and the threads of their stages, tasks and
 * tables. A deployment puts others in the place of all of these at once; when its services are refused, those before go on.
 *
 * Not here: what stays through deployments, which is the node's (node.ts).
 */
import { resolve } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { assertMovable, storedOpenRuns } from "@millrace/engine"
import { type ErrorData, type Plan, limits } from "@millrace/model"
import type { ByteStreams } from "./byte-streams.ts"
import type { Commits } from "./commits.ts"
import type { Decisions } from "./decisions.ts"
import type { Deliveries } from "./deliveries.ts"
import type { EventQueue } from "./functions/event-queue.ts"
import type { Functions } from "./functions/functions.ts"
import type { IntakeDesk } from "./intake-desk.ts"
import { faultFacts } from "./logged-error.ts"
import type { Mappings } from "./mapping/mappings.ts"
import type { NodeParts } from "./node-parts.ts"
import type { Readers } from "./readers.ts"
import { type Shards, grown, partitionsBeyond } from "./reshard/shards.ts"
import type { ServiceCode } from "./service-code.ts"
import { shapeChanges } from "./state-shapes.ts"
import { Streams } from "./streams.ts"
import { Tables } from "./tables/tables.ts"
import { Attempts } from "./tasks/attempts.ts"
import { type LeftTask, leftTasks } from "./tasks/left-tasks.ts"
import type { TaskDesk } from "./tasks/task-desk.ts"
import { Workshop } from "./workshop.ts"

/** What it needs of what stays. */
interface RunningParts {
  readonly node: NodeParts
  readonly commits: Commits
  readonly readers: Readers
  readonly desk: IntakeDesk
  readonly decisions: Decisions
  readonly deliveries: Deliveries
  readonly tasks: TaskDesk
  readonly functions: Functions
  readonly mappings: Mappings
  readonly events: EventQueue
  readonly bytes: ByteStreams
  /** Of services' streams that were split or merged. */
  readonly shards: Shards
  /** Whether the disk refuses writes. */
  readonly isRefused: () => boolean
  /** Workers cannot be started (it is tried again), or can be again (undefined). */
  readonly onBroken: (error: ErrorData | undefined) => void
  /** A seat has something to do at this time on the clock, in ms. */
  readonly onDue: (at: number) => void
}

export class Running {
  readonly #parts: RunningParts
  #workshop: Workshop
  #attempts: Attempts
  #tables: Tables
  #streams: Streams
  #plans: readonly Plan[] = []

  constructor(parts: RunningParts) {
    this.#parts = parts
    this.#streams = new Streams([], parts.node.store.state, parts.bytes.plans)
    this.#workshop = this.#workshopFor([])
    this.#attempts = this.#attemptsFor({ files: [] })
    this.#tables = this.#tablesFor([], { files: [] })
  }

  /** The workers of its stages. */
  get workshop(): Workshop {
    return this.#workshop
  }

  /** The calls of tasks' code that are under way. */
  get attempts(): Attempts {
    return this.#attempts
  }

  /** What reads its tables. */
  get tables(): Tables {
    return this.#tables
  }

  get streams(): Streams {
    return this.#streams
  }

  get plans(): readonly Plan[] {
    return this.#plans
  }

  /** See `Node.deploy`. @throws MR1101 to MR1104 and MR1306 for the services */
  async deploy(files: readonly string[]): Promise<void> {
    const { commits, shards, bytes, deliveries, desk, tasks, functions, mappings, events, isRefused, onBroken, node: { store } } = this.#parts
    const old = this.#workshop
    const workshop = this.#workshopFor(files)
    try {
      const plans = files.length === 0 ? [] : await workshop.load()
      shards.assertUnwritten(plans)
      const resharded = shards.all(plans)
      for (const plan of plans) for (const stream of resharded.keys()) assertMovable(plan, stream, shards.isHashPlaced(stream))
      const streams = new Streams(plans, store.state, bytes.plans, shards)
      // Also the last thing that can fail: from here on the new services run.
      await commits.durable(commits.append({ appends: [], state: [streams.changes(), shapeChanges(plans, store.state)] }).sequence)
      await this.drain()
      await old.stop()
      await this.#attempts.stop()
      this.#workshop = workshop
      this.#attempts = this.#attemptsFor(workshop.code)
      await this.#tables.stop()
      this.#tables = this.#tablesFor(plans, workshop.code)
      tasks.open(plans, this.#attempts, await this.#leftTasks(plans, streams))
      await mappings.stop()
      functions.open(plans, workshop.code)
      this.#plans = plans
      // Streams may have been resharded while the new services were loaded.
      streams.grow(shards)
      workshop.reshard()
      this.#streams = streams
      onBroken(undefined)
      const counts = partitionsBeyond(plans, shards.all(plans))
      for (const plan of plans) deliveries.open(grown(plan, counts), store.state)
      // The disk may have begun to refuse meanwhile; then the seats are taken when it takes writes again.
      mappings.open(plans, isRefused())
      if (!isRefused()) events.open()
      if (!isRefused()) workshop.seatAll()
      else await workshop.halt()
      desk.sendAgain()
    } catch (error) {
      if (this.#workshop !== workshop) await workshop.stop()
      throw error
    }
  }

  /** Streams have been split or merged: in force before it is durable, as the records are that are appended behind it. */
  reshard(): void {
    this.#streams.grow(this.#parts.shards)
    this.#workshop.reshard()
    const tables = this.#tables
    this.#tables = this.#tablesFor(this.#plans, this.#workshop.code)
    tables.stop().catch((error: unknown) => this.#parts.node.log.error(faultFacts(error), "the thread that reads tables did not stop"))
  }

  /** Lets running attempts of tasks end, and what came of them become durable. */
  async drain(): Promise<void> {
    const { isRefused, node: { bounds } } = this.#parts
    if (isRefused()) return
    await this.#attempts.drain(bounds.drainMs)
    const until = performance.now() + limits.drainGraceMs
    const { feeds } = this.#workshop
    while (feeds.completing && performance.now() < until) await sleep(1)
  }

  /** Tasks that no service has any more; those with runs that have not ended are told. */
  async #leftTasks(plans: readonly Plan[], { stored }: Streams): Promise<readonly LeftTask[]> {
    const { commits, isRefused, node: { store, log } } = this.#parts
    const left = leftTasks(plans, stored)
    // The state is read as of a fold. A disk that refuses keeps no one from deploying: then the figures are older.
    if (left.length > 0 && !isRefused()) await commits.settled().catch(() => undefined)
    for (const { service, task } of left) {
      const open = storedOpenRuns(store.state, service, task)
      if (open > 0) log.warn({ service, task, open }, "a task that no service has any more has runs that have not ended; they go on once it is back")
    }
    return left
  }

  #workshopFor(files: readonly string[]): Workshop {
    const { commits, readers, desk, decisions, tasks, shards, onBroken, onDue, node: { store, dataDir, workers, clock, log, bounds } } = this.#parts
    const workshop: Workshop = new Workshop({
      store,
      dataDir,
      workers,
      clock,
      log,
      bounds,
      files: files.map((file) => resolve(file)),
      events: {
        onTransactions: (transactions, parcel) => decisions.commit(transactions, parcel),
        onIngested: (message, worker) => desk.onIngested(message, worker),
        onNotIngested: (message) => desk.onNotIngested(message),
        onWorkerEnd: (worker, end) => {
          if (this.#workshop === workshop) desk.onWorkerEnd(worker, end)
        },
        onBroken: (error) => {
          if (this.#workshop !== workshop) return
          onBroken(error)
          if (error !== undefined) desk.refuseAll(error)
        },
        onSeated: () => readers.wake(),
        onDue,
        waits: (seat) => tasks.busy && this.#streams.has(seat.stage) && this.#streams.get(seat.stage).role === "task",
        settled: () => commits.settled(),
        shards: (plans) => shards.all(plans),
        commit: async (commit) => commits.durable(commits.append(commit).sequence),
      },
    })
    return workshop
  }

  #tablesFor(plans: readonly Plan[], code: ServiceCode): Tables {
    const { shards, node: { store, dataDir, bounds } } = this.#parts
    return new Tables(plans, {
      code,
      dataDir,
      durableSequence: () => store.durableSequence,
      answerMs: bounds.handlerMsMax,
      loadMs: bounds.loadMsMax,
      heapMegabytes: bounds.workerHeapMegabytesMax,
      changesMost: bounds.tableChangesMax,
      shards: shards.all(plans),
    })
  }

  #attemptsFor(code: ServiceCode): Attempts {
    const { tasks, node: { workers, log, bounds, valuesAt } } = this.#parts
    return new Attempts({
      code,
      valuesAt,
      threads: workers,
      blockedMs: bounds.taskBlockedMsMax,
      heapMegabytes: bounds.workerHeapMegabytesMax,
      idleMs: bounds.workerIdleMs,
      log,
      events: {
        onOutcomes: (service, task, outcomes, flat) => tasks.onOutcomes(service, task, outcomes, flat),
        onTold: (message) => tasks.onTold(message),
        onSend: (message, thread) => tasks.onSend(message, thread),
      },
    })
  }
}

/**
 * All seats of a node: every stage has one for each of its partitions; where its stream was resharded, for each shard that there ever was.
 * Found by name, by number, by worker, and by the streams that they read and write. What a seat does is no matter of this book.
 */
import type { Plan, StagePlan } from "@millrace/model"
import { Feed } from "./feed.ts"
import { type Seat, seatName } from "./messages.ts"
import type { ShardsByStream } from "./reshard/shards.ts"

export class Feeds {
  readonly #workers: number
  readonly #byNumber: Feed[] = []
  readonly #byName: Map<string, Feed> = new Map()
  readonly #byInput: Map<string, Feed[]> = new Map()
  /** By the streams that they write. */
  readonly #writers: Map<string, Feed[]> = new Map()

  /** @param workers - over so many the seats are dealt out, by partition */
  constructor(workers: number) {
    this.#workers = workers
  }

  get all(): readonly Feed[] {
    return this.#byNumber
  }

  of(seat: Seat): Feed | undefined {
    return this.#byName.get(seatName(seat))
  }

  /** By its number: how a dead worker names it. */
  at(number: number): Feed | undefined {
    return this.#byNumber[number]
  }

  /** Seats that a place's worker holds, or is to hold. */
  atPlace(place: number): readonly Feed[] {
    return this.#byNumber.filter(({ worker }) => worker === place)
  }

  /** Open seats at a place of which the store's state, which is that before commit `sequence`, has taken up more: how many transactions it has. */
  folded(place: number, sequence: number): readonly (readonly [seat: Seat, transactions: number])[] {
    return this.atPlace(place).flatMap((feed) => {
      const transactions = feed.state === "open" ? feed.folded(sequence) : undefined
      return transactions === undefined ? [] : [[feed.seat, transactions] as const]
    })
  }

  readersOf(stream: string, partition: number): readonly Feed[] {
    return this.#byInput.get(inputName(stream, partition)) ?? noFeeds
  }

  /** Adds the seats that are not there yet, and returns them. */
  add(plans: readonly Plan[], shards: ShardsByStream): readonly Feed[] {
    const before = this.#byNumber.length
    for (const plan of plans) {
      for (const stage of plan.stages) {
        const count = shards.get(stage.input)?.length ?? stage.partitions
        for (let partition = 0; partition < count; partition++) this.#add(plan, stage, partition)
      }
    }
    return this.#byNumber.slice(before)
  }

  /** The most bytes by which a seat of the services that read a stream lags behind its input. */
  lagBytesBehind(stream: string): number {
    const services = new Set<string>()
    for (const { input, seat } of this.#byNumber) if (input.name === stream) services.add(seat.service)
    let most = 0
    for (const { lagBytes, seat } of this.#byNumber) if (lagBytes > most && services.has(seat.service)) most = lagBytes
    return most
  }

  /** Whether the stages will write nothing more to a stream, by the commits before `durable` alone. */
  hasEnded(stream: string, durable: number): boolean {
    return this.#writers.get(stream)?.every((feed) => feed.hasEnded(durable)) ?? false
  }

  /** Whether what was done elsewhere has not all become transactions yet. */
  get completing(): boolean {
    return this.#byNumber.some(({ state, completing }) => state === "open" && completing > 0)
  }

  /** Whether a worker holds more state than it may, as the store cannot give it back before it is folded. */
  get overMemory(): boolean {
    return this.#byNumber.some(({ overMemory }) => overMemory)
  }

  #add(plan: Plan, { id, input, operators, deadLetters }: StagePlan, partition: number): void {
    const seat: Seat = { service: plan.service, stage: id, partition }
    if (this.of(seat) !== undefined) return
    const stream = plan.streams.find(({ name }) => name === input)
    if (stream === undefined) throw new Error(`feeds: stream ${input} is missing`)
    const feed = new Feed(seat, this.#byNumber.length, stream, partition % this.#workers)
    this.#byNumber.push(feed)
    this.#byName.set(seatName(seat), feed)
    listed(this.#byInput, inputName(input, partition), feed)
    const written = operators.flatMap((operator) => ("stream" in operator ? [operator.stream] : []))
    for (const each of new Set([...written, deadLetters])) listed(this.#writers, each, feed)
  }
}

const noFeeds: readonly Feed[] = []

function listed(lists: Map<string, Feed[]>, name: string, feed: Feed): void {
  const list = lists.get(name)
  if (list === undefined) lists.set(name, [feed])
  else list.push(feed)
}

function inputName(stream: string, partition: number): string {
  return `${stream}\n${partition}`
}

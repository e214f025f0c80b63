/**
 * The shards of services' streams that have been split or merged, by stream: from the facts that are kept beside each stream.
 * A stream that is as it was made is not in here: for it the rule of even partitions holds.
 */
import { MillraceError, type Plan, type Shard, factsOf, isResharded } from "@millrace/model"

export type ShardsByStream = ReadonlyMap<string, readonly Shard[]>

const none: ShardsByStream = new Map()

export class Shards {
  readonly #facts: ReadonlyMap<string, string>
  /** What was made of the facts, as long as they do not change. */
  readonly #known: Map<string, { readonly text: string; readonly shards: readonly Shard[] | undefined }> = new Map()

  constructor(facts: ReadonlyMap<string, string>) {
    this.#facts = facts
  }

  /** Undefined: the stream has the shards that it was made with. */
  of(stream: string): readonly Shard[] | undefined {
    const text = this.#facts.get(stream)
    if (text === undefined) return undefined
    const known = this.#known.get(stream)
    if (known?.text === text) return known.shards
    const { shards } = factsOf(text)
    const resharded = shards !== undefined && isResharded(shards) ? shards : undefined
    this.#known.set(stream, { text, shards: resharded })
    return resharded
  }

  /** Whether records of a stream may lie elsewhere than where their keys say. */
  isHashPlaced(stream: string): boolean {
    const text = this.#facts.get(stream)
    return text !== undefined && factsOf(text).hashPlaced === true
  }

  /** @throws MR1306 when a service writes a stream that was resharded: it would put records where the stream had them at first */
  assertUnwritten(plans: readonly Plan[]): void {
    for (const { service, streams } of plans) {
      const written = streams.find(({ role, name }) => role === "derived" && this.of(name) !== undefined)
      if (written === undefined) continue
      const message = `Service "${service}" writes stream "${written.name}", whose shards were split or merged while front doors wrote it. Let it write a stream of another name.`
      throw new MillraceError("MR1306", message, { stream: written.name, service })
    }
  }

  /** Those of the streams that services take from front doors. */
  all(plans: readonly Plan[]): ShardsByStream {
    const sources = plans.flatMap(({ streams }) => streams.filter(({ role }) => role === "source"))
    const found = new Map<string, readonly Shard[]>()
    for (const { name } of sources) {
      const shards = this.of(name)
      if (shards !== undefined) found.set(name, shards)
    }
    return found.size === 0 ? none : found
  }
}

/**
 * How many partitions the streams of services have by now, closed ones included, where that is not what their plans say: streams
 * that were resharded, and those that have a partition to each of theirs.
 */
export function partitionsBeyond(plans: readonly Plan[], shards: ShardsByStream): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  if (shards.size === 0) return counts
  const raise = (stream: string, count: number): void => void counts.set(stream, Math.max(count, counts.get(stream) ?? 0))
  for (const { stages } of plans) {
    for (const { input, deadLetters, operators } of stages) {
      const count = shards.get(input)?.length
      if (count === undefined) continue
      raise(deadLetters, count)
      for (const operator of operators) if (operator.kind === "to-sink") raise(operator.stream, count)
    }
  }
  for (const [stream, of] of shards) raise(stream, of.length)
  return counts
}

/** A plan whose streams have as many partitions as there are by now. */
export function grown(plan: Plan, counts: ReadonlyMap<string, number>): Plan {
  if (counts.size === 0) return plan
  return { ...plan, streams: plan.streams.map((stream) => ({ ...stream, partitions: Math.max(stream.partitions, counts.get(stream.name) ?? 0) })) }
}

/**
 * What a partition's keys need to go on elsewhere: its stage's state, as state changes, from the partitions of a stream that were
 * split or merged (parents) to those that came of them (children).
 *
 * R1  State follows its keys: each goes to the child that takes the key's records. Where records were placed by explicit hash keys a
 *     key may have state in several partitions, and nobody knows where its next record lies: state of such a stream is not moved.
 * R2  Parents are read to their end and sealed before anything moves; children begin when all has moved, by one commit.
 * R3  A child begins at the watermark of its parents, the later of two, and whoever reads what the stage writes hears of it before
 *     the parents end.
 *
 * State is copied in pieces beforehand: until the deciding commit nobody looks at a child, and afterwards nobody at a parent. So a
 * crash in between leaves pieces that are cleared and copied anew, or remains that are cleared.
 */
import {
  BlockWriter,
  ByteReader,
  limits,
  MillraceError,
  type Plan,
  type StagePlan,
  StateChangesWriter,
} from "@millrace/model"
import type { Append, Commit, StateReader } from "../ports/store.ts"
import { type Progress, stageScope, storedProgress } from "../stage-progress.ts"
import { keyOfRow, rowOf } from "../state/row.ts"
import { type KeyedScope, keyedScopes } from "./keyed-scopes.ts"
import { upstreamOf } from "./upstream.ts"

/** One split or merge of a stage's partitions. */
export interface Handover {
  readonly plan: Plan
  readonly stage: StagePlan
  readonly parents: readonly number[]
  /** Each with the offset at which it begins. */
  readonly children: ReadonlyArray<{ readonly partition: number; readonly begin: number }>
  /** The child that takes a key's records; undefined: none of them does. */
  childOf(key: string): number | undefined
}

/** Bytes of state that are moved by one commit. */
const pieceBytes = limits.transactionBytes / 8

/** Keys that are read at once: a store's cursor is not held open while they are worked on. */
const pieceKeys = 1_000

/**
 * @param hashPlaced - whether records of the stream may lie elsewhere than where their keys say
 * @throws MR1306 when an operator of a stage keeps what cannot follow its keys
 */
export function assertMovable(plan: Plan, stream: string, hashPlaced: boolean): void {
  for (const { input, operators } of plan.stages) {
    if (input !== stream) continue
    const keeps = operators.find((operator) => keyedScopes(plan.service, operator)?.some(({ by }) => by !== "none" && by !== "time"))
    if (hashPlaced && keeps !== undefined) {
      const why = `its records were put by explicit hash keys, so what operator "${keeps.name}" (${keeps.kind}) of service "${plan.service}" keeps by key could not follow its records`
      throw new MillraceError("MR1306", `Stream "${stream}" cannot be resharded: ${why}. Put .keyBy(…) before it, or use a new stream.`, { stream, operator: keeps.name })
    }
    const fixed = operators.find((operator) => keyedScopes(plan.service, operator) === undefined)
    if (fixed === undefined) continue
    const message = `Stream "${stream}" cannot be resharded: operator "${fixed.name}" (${fixed.kind}) of service "${plan.service}" keeps what does not follow keys. Put .keyBy(…) before it.`
    throw new MillraceError("MR1306", message, { stream, operator: fixed.name })
  }
}

/** Copies of the parents' state to the children, behind what an earlier attempt has left there. Each piece is a commit's state. */
export function* movedState(reader: StateReader, { plan, stage, parents, children, childOf }: Handover): Generator<Uint8Array> {
  const scopes = scopesOf(plan, stage)
  for (const { partition } of children) yield* cleared(reader, scopes, partition)
  const [first] = children
  if (first === undefined) throw new Error(`stage ${stage.id}: partitions ${parents.join()} have no children`)
  const changes = new StateChangesWriter()
  for (const { scope, by } of scopes) {
    if (by === "none") continue
    if (by === "time") {
      writeTime(changes, reader, scope, parents, children)
      continue
    }
    for (const parent of parents) {
      for (const bucket of reader.buckets(scope, parent)) {
        for (let after: string | undefined; ;) {
          const range = after === undefined ? { limit: pieceKeys } : { limit: pieceKeys, after }
          const byChild = new Map<number, [key: string, value: Uint8Array][]>()
          let count = 0
          for (const [name, value] of reader.entries(scope, parent, bucket, range)) {
            const key = keyIn(name, by)
            const child = childOf(key) ?? first.partition
            if (parent !== parents[0] && reader.get(scope, parents[0] as number, bucket, name) !== undefined) {
              throw new Error(`stage ${stage.id}: partitions ${parents.join()} both keep ${scope} of key ${JSON.stringify(key)}, so one of them would be lost`)
            }
            const own = byChild.get(child) ?? []
            byChild.set(child, own)
            own.push([name, value.slice()])
            after = name
            count++
          }
          for (const [child, entries] of byChild) {
            changes.beginBucket(scope, child, bucket, false)
            for (const [name, value] of entries) put(changes, name, value)
            changes.endBucket()
          }
          if (changes.length >= pieceBytes) yield changes.take()
          if (count < pieceKeys) break
        }
      }
    }
  }
  if (changes.length > 0) yield changes.take()
}

/** R2, R3: the commit by which the children take over; undefined while a parent has not begun. `now` is the clock, in ms. */
export function handedOver(reader: StateReader, handover: Handover, now: number): Commit {
  const { plan, stage, parents, children } = handover
  const scope = stageScope(plan.service, stage.id)
  const before = parents.map((parent) => storedProgress(reader, scope, parent))
  const known = before.filter((each) => each !== undefined)
  const begun: Omit<Progress, "consumed"> = {
    highest: Math.max(Number.NEGATIVE_INFINITY, ...known.map(({ highest }) => highest)),
    watermark: Math.max(Number.NEGATIVE_INFINITY, ...known.map(({ watermark }) => watermark)),
    marks: [],
    idle: [],
    lastInput: known.length === 0 ? now : Math.max(...known.map(({ lastInput }) => lastInput)),
    resting: known.length > 0 && known.every(({ resting }) => resting),
    ended: false,
    step: undefined,
  }
  const changes = new StateChangesWriter()
  const keep = (partition: number, progress: Progress): void => {
    changes.beginBucket(scope, partition, 0, false)
    changes.value("progress", progress)
    changes.endBucket()
  }
  for (const { partition, begin } of children) keep(partition, { ...begun, consumed: begin })
  for (const [i, parent] of parents.entries()) keep(parent, { ...begun, consumed: 0, ...before[i], moved: true })
  return { appends: marksOf(handover, begun), state: [changes.take()] }
}

/** What parents still keep behind the commit that handed it over: nobody needs it. */
export function* leftOver(reader: StateReader, { plan, stage, parents }: Pick<Handover, "plan" | "stage" | "parents">): Generator<Uint8Array> {
  for (const parent of parents) yield* cleared(reader, scopesOf(plan, stage), parent)
}

/** R3: children first, so that nobody behind runs ahead of them when the parents end. */
function marksOf({ plan, stage, parents, children }: Handover, { watermark, resting }: Omit<Progress, "consumed">): Append[] {
  const appends: Append[] = []
  const seen = new Set<string>()
  for (const operator of stage.operators) {
    if (!("upstreamBase" in operator) || seen.has(operator.stream)) continue
    seen.add(operator.stream)
    const stream = plan.streams.find(({ name }) => name === operator.stream)
    if (stream === undefined || stream.upstreams === 0) continue
    const block = new BlockWriter()
    const upstream = (partition: number): number => upstreamOf(plan, stream, operator.upstreamBase, stage, partition)
    for (const { partition } of children) {
      block.mark(upstream(partition), watermark)
      if (resting) block.idle(upstream(partition))
    }
    for (const parent of parents) block.mark(upstream(parent), Number.POSITIVE_INFINITY)
    const { count } = block
    const bytes = block.take()
    for (let partition = 0; partition < stream.partitions; partition++) appends.push({ stream: stream.name, partition, count, block: bytes.slice() })
  }
  return appends
}

function scopesOf({ service }: Plan, { operators }: StagePlan): KeyedScope[] {
  return operators.flatMap((operator) => keyedScopes(service, operator) ?? [])
}

function* cleared(reader: StateReader, scopes: readonly KeyedScope[], partition: number): Generator<Uint8Array> {
  const changes = new StateChangesWriter()
  for (const { scope } of scopes) {
    for (const bucket of reader.buckets(scope, partition)) {
      changes.beginBucket(scope, partition, bucket, true)
      changes.endBucket()
      if (changes.length >= pieceBytes) yield changes.take()
    }
  }
  if (changes.length > 0) yield changes.take()
}

/** How far the windows of the parents have come by the clock: the children's have come as far. */
function writeTime(changes: StateChangesWriter, reader: StateReader, scope: string, parents: Handover["parents"], children: Handover["children"]): void {
  const latest = new Map<string, Uint8Array>()
  for (const parent of parents) {
    for (const [name, value] of reader.entries(scope, parent, 0)) {
      const before = latest.get(name)
      if (before === undefined || new ByteReader(value).f64() > new ByteReader(before).f64()) latest.set(name, value.slice())
    }
  }
  if (latest.size === 0) return
  for (const { partition } of children) {
    changes.beginBucket(scope, partition, 0, false)
    for (const [name, value] of latest) put(changes, name, value)
    changes.endBucket()
  }
}

function put(changes: StateChangesWriter, name: string, value: Uint8Array): void {
  const bytes = changes.beginValue(name)
  const from = bytes.length
  bytes.bytes(value)
  changes.endValue(from)
}

/** Names of members begin like this; a key may hold the mark of rows too. */
const memberPattern = /^0[snib#]/

function keyIn(name: string, by: KeyedScope["by"]): string {
  if (by === "key") return name
  return by === "row" || memberPattern.test(rowOf(name)) ? keyOfRow(name) : name
}

/** A short life of a store to break in every way, and the check that what is left of it is right. */
import assert from "node:assert/strict"
import fs from "node:fs"
import path from "node:path"
import { type Change, commit, type Lines, linesOf, readLines, stateOf, StoreModel } from "@millrace/conformance"
import type { Store } from "@millrace/engine"
import { isMillraceError, type MillraceError } from "@millrace/model"
import { openDiskStore } from "../src/index.ts"

interface Step {
  readonly appends: readonly Lines[]
  readonly state: readonly Change[]
}

const partitions = [
  ["a", 0],
  ["a", 1],
  ["b", 0],
] as const

/** Commits of a few records and state changes each; the same number gives the same commit. */
function step(i: number): Step {
  const [stream, partition] = partitions[i % 3] ?? partitions[0]
  const appends = [
    { stream, partition, lines: [`${i}`, `second of ${i}`] },
    ...(i % 4 === 0 ? [{ stream: "b", partition: 0, lines: [`also ${i}`] }] : []),
  ]
  const entries: Change["entries"] = [[`k${i % 3}`, i % 5 === 4 ? undefined : `v${i}`]]
  return {
    appends,
    state: i % 2 === 0 ? [{ scope: "s", partition, bucket: i % 2, cleared: i % 6 === 0, entries }] : [],
  }
}

export function open(dir: string, segmentBytes = 250, syncMs = 0): Promise<Store> {
  return openDiskStore({
    dir,
    now: () => 1_700_000_000_000,
    segmentBytes,
    syncMs,
    tailBytes: 0,
    onLost: (sequence, reason) => {
      throw new Error(`commit ${sequence} was lost`, { cause: reason })
    },
  })
}

/** Where the journal stood when commits had been acknowledged. */
export interface Moment {
  readonly acknowledged: number
  readonly segment: string
  readonly bytes: number
}

/** Appends `commits` commits, some of them in groups, and notes each moment at which all so far were acknowledged. */
export async function live(dir: string, commits: number, fold: boolean): Promise<Moment[]> {
  const store = await open(dir)
  const moments: Moment[] = []
  for (let i = 0; i < commits; i++) {
    const sequence = appendStep(store, i)
    if (i % 5 < 2 && i < commits - 1) continue
    await store.durable(sequence)
    const segment = segments(dir).at(-1) as string
    moments.push({ acknowledged: i + 1, segment, bytes: fs.statSync(segment).size })
  }
  await store.close({ fold })
  return moments
}

/** Appends the commit of a number; returns its sequence. */
export function appendStep(store: Store, i: number): number {
  const { appends, state } = step(i)
  return store.append(commit(appends, ...state)).sequence
}

/** Paths of the segments, oldest first. */
export function segments(dir: string): string[] {
  const journal = path.join(dir, "journal")
  return fs
    .readdirSync(journal)
    .filter((name) => name.endsWith(".journal"))
    .toSorted()
    .map((name) => path.join(journal, name))
}

/** Asserts that a store holds exactly its first commits, at least `acknowledged` of them, and closes it. */
export async function assertPrefix(store: Store, acknowledged: number): Promise<void> {
  const found = store.durableSequence
  assert.ok(found >= acknowledged, `${found} commits are there, ${acknowledged} were acknowledged`)
  const model = modelOf(found)
  for (const [stream, partition] of partitions) {
    assert.deepEqual(await readLines(store, stream, partition, 0, 50), model.log(stream, partition))
    assert.deepEqual(stateOf(store, "s", partition), model.state("s", partition))
  }
  await store.close()
}

/** What the first commits amount to. */
function modelOf(commits: number): StoreModel {
  const model = new StoreModel()
  for (let i = 0; i < commits; i++) model.append(step(i).appends, step(i).state)
  model.fold()
  return model
}

/**
 * Asserts that a store of the first `commits` commits gives back each entry or names the damage that hides it, and
 * that its state is right. Returns the reported damage. Closes the store.
 */
export async function assertTrueOrNamed(store: Store, commits: number): Promise<MillraceError[]> {
  const reported: MillraceError[] = []
  const model = modelOf(commits)
  assert.equal(store.durableSequence, commits)
  for (const [stream, partition] of partitions) {
    assert.deepEqual(stateOf(store, "s", partition), model.state("s", partition))
    const log = model.log(stream, partition)
    for (let from = 0; from < log.length;) {
      try {
        const [slice] = await store.read(stream, partition, from, 0)
        assert.ok(slice, `offset ${from} of ${stream}/${partition} is gone`)
        const end = slice.base + slice.count
        assert.deepEqual(linesOf(slice.block), log.slice(slice.base, end))
        from = end
      } catch (error) {
        assert.ok(isMillraceError(error) && error.code === "MR1302", String(error))
        assert.deepEqual([error.details["stream"], error.details["partition"]], [stream, partition])
        reported.push(error)
        from = error.details["end"] as number
      }
    }
  }
  await store.close()
  return reported
}

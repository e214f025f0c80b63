/**
 * Lookups in an outside source: a cache, and many keys in one load. Built on asynchronous calls: each record is one call, and calls
 * that are made together load together.
 *
 * L1  A key is asked for once at a time, however many records want it, and not again while the cache knows it.
 * L2  What is cached is no older than its time to live, by the clock of the calls, and there are at most `size` of it.
 * L3  A load that fails is remembered by nobody.
 */
import { type CallContext, type Duration, limits, MillraceError } from "@millrace/model"
import type { AsyncDefinition, Origin } from "../definition.ts"
import { checkedMs, checkedName, checkedWhole, checkFunction, checkKeys } from "../setting.ts"
import { asyncDefinition, type AsyncOptions, asyncOptionNames } from "./async.ts"

/** What a load may know besides the keys. */
export interface LoadContext {
  /** Aborted when the time of the first call that wants one of the keys is over. */
  readonly signal: CallContext["signal"]
}

/** Where a lookup finds what it looks for. */
export interface LookupOptions<T, V, Type extends "inner" | "left"> extends AsyncOptions {
  /** What to look for; undefined: nothing, the record has no partner. */
  readonly key: (value: T) => string | undefined
  /** Asks the source for some keys, each once; a key that the answer does not have is unknown there. */
  readonly load: (keys: readonly string[], ctx: LoadContext) => PromiseLike<ReadonlyMap<string, V>> | ReadonlyMap<string, V>
  /** What is remembered of the answers, in each worker. @default nothing */
  readonly cache?: LookupCache
  /** Most keys of one load, 1 to 10,000. @default 100 */
  readonly batch?: number
  /** `left`: a record whose key is unknown gives a result too. @default "inner" */
  readonly type?: Type
}

export interface LookupCache {
  /** How long an answer is good for. */
  readonly ttl: Duration
  /** How long a key counts as unknown once the source did not know it; 0: not at all. @default `ttl` */
  readonly negativeTtl?: Duration
  /** Most keys, 1 to 1,000,000; what was not used for the longest time goes first. @default 10,000 */
  readonly size?: number
}

/** What a call gives: the record, and what was found for it. */
export type Looked = readonly [value: unknown, found: unknown, known: boolean]

export function lookupDefinition(
  name: string,
  from: Origin,
  given: LookupOptions<never, unknown, "inner" | "left">,
): { readonly definition: AsyncDefinition; readonly left: boolean } {
  checkedName(name, "lookup")
  const what = `lookup ${JSON.stringify(name)}`
  checkKeys(given, ["key", "load", "cache", "batch", "type", ...asyncOptionNames], what)
  const { key, load, cache, batch, type = "inner", ...options } = given
  checkFunction(key, `${what}, key`)
  checkFunction(load, `${what}, load`)
  if (type !== "inner" && type !== "left") throw new MillraceError("MR1101", `${what}, type: ${JSON.stringify(type)} is neither "inner" nor "left".`)
  const batchMost = checkedWhole(batch ?? 100, 1, limits.lookupBatchMax, `${what}, batch`)
  const kept = cache === undefined ? undefined : cachePlan(cache, `${what}, cache`)
  const open = (): ((value: never, ctx: CallContext) => unknown) => {
    const source = new Source((keys, ctx) => load.call(given, keys, ctx), batchMost, kept, what)
    return async (value: never, ctx): Promise<Looked> => {
      const sought = key.call(given, value)
      if (sought === undefined) return [value, undefined, false]
      if (typeof sought !== "string") throw new MillraceError("MR1201", `${what}, key: expected a text or undefined, got ${typeof sought}.`)
      const found = await source.find(sought, ctx)
      return found === undefined ? [value, undefined, false] : [value, found.value, true]
    }
  }
  return { definition: asyncDefinition("lookup", name, from, options, open), left: type === "left" }
}

interface CachePlan {
  readonly ttlMs: number
  readonly negativeTtlMs: number
  readonly size: number
}

function cachePlan(cache: LookupCache, what: string): CachePlan {
  checkKeys(cache, ["ttl", "negativeTtl", "size"], what)
  const ttlMs = checkedMs(cache.ttl, `${what}, ttl`, 1)
  return {
    ttlMs,
    negativeTtlMs: cache.negativeTtl === undefined ? ttlMs : checkedMs(cache.negativeTtl, `${what}, negativeTtl`),
    size: checkedWhole(cache.size ?? 10_000, 1, limits.lookupCacheMax, `${what}, size`),
  }
}

/** What was found for a key; undefined: the source does not know it. */
type Found = { readonly value: unknown } | undefined

type Load = (keys: readonly string[], ctx: LoadContext) => PromiseLike<ReadonlyMap<string, unknown>> | ReadonlyMap<string, unknown>

/** The source as one worker knows it. */
class Source {
  readonly #load: Load
  readonly #batchMost: number
  readonly #cache: CachePlan | undefined
  readonly #what: string
  /** The most recently used last. */
  readonly #known: Map<string, { readonly found: Found; readonly until: number }> = new Map()
  /** Keys that are being asked for. */
  readonly #asked: Map<string, Promise<Found>> = new Map()
  #gathering: Gathering | undefined

  constructor(load: Load, batchMost: number, cache: CachePlan | undefined, what: string) {
    this.#load = load
    this.#batchMost = batchMost
    this.#cache = cache
    this.#what = what
  }

  find(key: string, ctx: CallContext): Promise<Found> | Found {
    const known = this.#known.get(key)
    if (known !== undefined) {
      this.#known.delete(key)
      if (known.until > ctx.now) {
        this.#known.set(key, known)
        return known.found
      }
    }
    const asked = this.#asked.get(key)
    if (asked !== undefined) return asked
    const gathering = (this.#gathering ??= this.#gather(ctx))
    gathering.keys.push(key)
    const found = gathering.answers.then(
      (answers): Found => {
        this.#asked.delete(key)
        const value: Found = answers.has(key) ? { value: answers.get(key) } : undefined
        this.#keep(key, value, ctx.now)
        return value
      },
      (error: unknown) => {
        // L3
        this.#asked.delete(key)
        throw error
      },
    )
    this.#asked.set(key, found)
    if (gathering.keys.length >= this.#batchMost) this.#gathering = undefined
    return found
  }

  /** Keys of the calls that are made in one go make one load. */
  #gather(ctx: CallContext): Gathering {
    const keys: string[] = []
    const gathering: Gathering = {
      keys,
      answers: Promise.resolve().then(async () => {
        if (this.#gathering === gathering) this.#gathering = undefined
        const answers: unknown = await this.#load(keys, { signal: ctx.signal })
        if (answers instanceof Map) return answers as ReadonlyMap<string, unknown>
        throw new MillraceError("MR1201", `${this.#what}, load: expected a Map of what was found by key, got ${typeof answers}.`)
      }),
    }
    return gathering
  }

  /** L2 */
  #keep(key: string, found: Found, now: number): void {
    const cache = this.#cache
    if (cache === undefined) return
    const ttlMs = found === undefined ? cache.negativeTtlMs : cache.ttlMs
    if (ttlMs === 0) return
    this.#known.delete(key)
    this.#known.set(key, { found, until: now + ttlMs })
    if (this.#known.size <= cache.size) return
    const [oldest] = this.#known.keys()
    this.#known.delete(oldest as string)
  }
}

interface Gathering {
  readonly keys: string[]
  readonly answers: Promise<ReadonlyMap<string, unknown>>
}

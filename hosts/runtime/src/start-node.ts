/** Opens a node: its options, and what it is made of by default. */
import { availableParallelism } from "node:os"
import { resolve } from "node:path"
import { limits } from "@millrace/model"
import { type Bounds, boundsOf } from "./bounds.ts"
import { openDiskStore } from "./compose.ts"
import { type Log, openLog } from "./log.ts"
import { faultFacts } from "./logged-error.ts"
import { Node } from "./node.ts"

export interface NodeOptions {
  /** Modules that export services. */
  readonly files: readonly string[]
  /** @default ".millrace/data" */
  readonly dataDir?: string
  /** Where file sinks without a place of their own write. @default "out" beside the data directory */
  readonly outDir?: string
  /** Where inputs and outputs of tasks lie that are large: a directory, or `s3://bucket/prefix`. @default "values" in the data directory */
  readonly valuesAt?: string
  /** Worker threads. @default one less than there are cores, at least 1 */
  readonly workers?: number
  /** The clock, in ms. @default Date.now */
  readonly clock?: () => number
  readonly log?: Log
  /**
   * When a commit counts as durable: `always`, once the disk has synced it; `buffered`, once it is written, and it is synced within 10 ms;
   * `never`, once it is written. A killed process loses nothing either way; a power cut what was not synced.
   *
   * @default "always"
   */
  readonly sync?: "always" | "buffered" | "never"
  /** The environment of the node: parts of it are its functions' too. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Bounds that are not as `limits.ts` has them. */
  readonly bounds?: Partial<Bounds>
}

/**
 * Opens the data directory, recovers, loads the services and starts them.
 *
 * @throws MR1301 to MR1306 for the directory, MR1101 to MR1104 for the services
 */
export async function startNode(options: NodeOptions): Promise<Node> {
  const clock = options.clock ?? Date.now
  const log = options.log ?? openLog()
  const dataDir = resolve(options.dataDir ?? ".millrace/data")
  const outDir = resolve(options.outDir ?? resolve(dataDir, "..", "out"))
  const lost: { tell: (reason: Error) => void } = { tell: () => undefined }
  const bounds = boundsOf(options.bounds)
  const { segmentBytes } = bounds
  const store = await openDiskStore({ dir: dataDir, now: clock, onLost: (_, reason) => lost.tell(reason), segmentBytes, syncMs: syncMs[options.sync ?? "always"] })
  const workers = options.workers ?? defaultWorkers()
  const { valuesAt = resolve(dataDir, "values") } = options
  const node = new Node({ store, dataDir, outDir, valuesAt, clock, log, files: options.files, workers, env: options.env ?? process.env, bounds })
  lost.tell = (reason) => node.onRefused(reason)
  try {
    await node.start()
    return node
  } catch (error) {
    // What kept it from starting says more than what may then keep it from stopping.
    await node.close().catch((fault: unknown) => log.error(faultFacts(fault), "the node that could not start did not stop cleanly"))
    throw error
  }
}

const syncMs = { always: 0, buffered: limits.bufferedMsMax, never: Number.POSITIVE_INFINITY } as const

function defaultWorkers(): number {
  return Math.max(1, availableParallelism() - 1)
}

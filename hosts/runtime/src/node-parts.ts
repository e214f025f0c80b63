/** What a node is given to work with. */
import type { Store } from "@millrace/engine"
import type { Bounds } from "./bounds.ts"
import type { Log } from "./log.ts"

export interface NodeParts {
  readonly store: Store
  readonly dataDir: string
  readonly outDir: string
  readonly valuesAt: string
  readonly clock: () => number
  readonly log: Log
  readonly files: readonly string[]
  readonly workers: number
  readonly env: Readonly<Record<string, string | undefined>>
  readonly bounds: Bounds
}

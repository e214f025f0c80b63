/** What the front door asks of the mappings that feed functions: the runtime's fit it by shape. */
import type { ErrorData } from "@millrace/model"

interface MappingStand {
  readonly function: string
  readonly uuid: string
  readonly state: "Enabled" | "Disabled" | "Waiting"
  readonly shards: number
  readonly figures: {
    readonly polled: number
    readonly filteredOut: number
    readonly invoked: number
    readonly failedInvoke: number
    readonly dropped: number
    readonly delivered: number
    readonly iteratorAgeMs: number
  }
  readonly error?: ErrorData
}

interface Redriven {
  readonly batches: number
  readonly records: number
  readonly waiting: number
  readonly failures: readonly { readonly partition: number; readonly shardId: string; readonly reason: string }[]
}

export interface GatewayMappings {
  status(): readonly MappingStand[]
  /** @throws MR1009, MR1010, MR1031 */
  redrive(name: string, signal: AbortSignal): Promise<Redriven>
}

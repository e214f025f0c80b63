/** What the front door asks of the mappings that feed functions: the runtime's fit it by shape. */
import type { ErrorData, MappingPlan } from "@millrace/model"

export interface MappingStand {
  readonly function: string
  readonly stream: string
  readonly uuid: string
  readonly state: "Enabled" | "Disabled" | "Waiting" | "Resting"
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
  readonly plan: MappingPlan
  /** Whether a service defines it; else it was made over the API of Lambda. */
  readonly isDefined: boolean
  /** When it was made or changed last over the API, in ms. */
  readonly changedAt: number | undefined
  /** A batch has failed and is tried again. */
  readonly isFailing: boolean
  /** All that there is has been done. */
  readonly isIdle: boolean
  /** The ARN of the stream's consumer that it was made with; undefined: the stream itself. */
  readonly consumer?: string
  readonly error?: ErrorData
}

/** Options of a mapping as the SDK takes them; the node checks them. */
export type MappingChange = { readonly stream: string; readonly [option: string]: unknown }

interface Redriven {
  readonly batches: number
  readonly records: number
  readonly waiting: number
  readonly failures: readonly { readonly stream: string; readonly partition: number; readonly shardId: string; readonly reason: string }[]
}

export interface GatewayMappings {
  status(): readonly MappingStand[]
  hasStream(name: string): boolean
  /** Whether the stream has a consumer of that name, registered in that second. */
  hasConsumer(stream: string, name: string, second: number): boolean
  /** @param consumer - the ARN of the consumer that it is made with. @throws MR1031, MR1101, MR1303, MR1304 */
  make(name: string, options: MappingChange, consumer?: string): Promise<MappingStand>
  /** Of one that no service defines. @throws MR1031, MR1101, MR1303, MR1304 */
  change(uuid: string, change: (plan: MappingPlan) => MappingChange): Promise<MappingStand>
  /** @throws MR1031, MR1303, MR1304 */
  enable(uuid: string, enabled: boolean): Promise<MappingStand>
  /** Of one that no service defines. @throws MR1031, MR1303, MR1304 */
  remove(uuid: string): Promise<MappingStand>
  /** @throws MR1009, MR1010, MR1031 */
  redrive(name: string, signal: AbortSignal, stream?: string): Promise<Redriven>
}

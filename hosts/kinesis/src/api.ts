/** What every action gets besides its input. */
import { streamOfArn } from "./arn.ts"
import type { Catalog } from "./catalog.ts"
import type { Clock } from "./clock.ts"
import type { Codec } from "./codec.ts"
import { KinesisFailure } from "./failure.ts"
import type { KinesisNode } from "./node.ts"
import type { Subscriptions } from "./subscriptions.ts"

export interface Api {
  readonly node: KinesisNode
  readonly subscriptions: Subscriptions
  /** Of the request. */
  readonly codec: Codec
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal
  readonly catalog: Catalog
  readonly clock: Clock
  /** The region that the request is for: the one its signature names. */
  readonly region: string
}

/** How inputs name their stream. */
export interface StreamNaming {
  readonly StreamName?: string
  readonly StreamARN?: string
}

/** @throws KinesisFailure InvalidArgumentException when it is named not at all, or twice and differently */
export function nameOf({ StreamName: name, StreamARN: arn }: StreamNaming): string {
  if (arn === undefined) {
    if (name !== undefined) return name
    throw new KinesisFailure("InvalidArgumentException", "Either StreamName or StreamARN must be provided.")
  }
  const named = streamOfArn(arn)
  if (name === undefined || name === named) return named
  throw new KinesisFailure("InvalidArgumentException", `StreamName ${name} and StreamARN ${arn} name two streams.`)
}

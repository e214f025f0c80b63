/** What may be said of how a stream feeds a function, and the checks of it. */
import { MillraceError } from "@millrace/model"
import type { MappingDefinition } from "../definition.ts"
import type { Keying } from "../flow/flow.ts"
import { checkedName, checkKeys } from "../setting.ts"
import type { Stream } from "../stream.ts"

/** How a stream feeds a function: an event source mapping, as Lambda has it. */
export interface MappingOptions {
  /** The stream, or the name of one that is not defined in TypeScript, such as one that was made over the Kinesis API. */
  readonly stream: Stream<never, unknown, Keying> | string
}

/** @throws MR1101 */
export function mappingDefinition(given: MappingOptions, what: string): MappingDefinition {
  checkKeys(given, ["stream"], what)
  const { stream } = given
  if (typeof stream === "string") return Object.freeze({ stream: undefined, plan: Object.freeze({ stream: checkedName(stream, `${what}, stream`) }) })
  const definition = (stream as Partial<typeof stream> | undefined)?.["~target"]
  if (definition?.kind !== "stream") {
    throw new MillraceError("MR1101", `${what}, stream: give a stream, or the name of one. A flow becomes a stream at its end: .to(stream("name")).`)
  }
  return Object.freeze({ stream: definition, plan: Object.freeze({ stream: definition.name }) })
}

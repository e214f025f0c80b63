/** Where goes what a function could not take, or has done, and the checks of it. */
import { type FailureDestination, MillraceError, type SuccessDestination } from "@millrace/model"
import type { StreamDefinition } from "../definition.ts"
import type { Keying } from "../flow/flow.ts"
import { checkKeys } from "../setting.ts"
import type { Stream } from "../stream.ts"

/** A place outside: objects in S3, or messages to a queue of SQS or a topic of SNS, by its ARN. */
export type OutsideDestination = { readonly s3: string } | { readonly sqs: string } | { readonly sns: string }

/** Messages to a queue of SQS or a topic of SNS, by its ARN. */
export type MessageDestination = Exclude<OutsideDestination, { readonly s3: string }>

type FailureTarget = Stream<never, unknown, Keying> | OutsideDestination

/** @throws MR1101 */
export function streamDefinition(stream: unknown, what: string): StreamDefinition {
  const definition = (stream as Partial<Stream<never, unknown, Keying>> | undefined | null)?.["~target"]
  if (definition?.kind === "stream") return definition
  throw new MillraceError("MR1101", `${what}: give a stream, or the name of one. A flow becomes a stream at its end: .to(stream("name")).`)
}

/** @throws MR1101 */
export function failureDestination(given: FailureTarget | undefined, what: string): { readonly plan: FailureDestination | null; readonly stream?: StreamDefinition } {
  if (given === undefined) return { plan: null }
  if (typeof given === "object" && given !== null && "s3" in given) {
    checkKeys(given, ["s3"], what)
    if (!/^s3:\/\/[^/?#]+/.test(given.s3)) throw new MillraceError("MR1101", `${what}, s3: ${JSON.stringify(given.s3)} is not of the form s3://bucket/prefix.`)
    return { plan: Object.freeze({ kind: "s3", to: given.s3 }) }
  }
  if (typeof given === "object" && given !== null) {
    for (const kind of ["sqs", "sns"] as const) {
      if (!(kind in given)) continue
      checkKeys(given, [kind], what)
      return { plan: Object.freeze({ kind, to: checkedArn(kind, (given as unknown as Readonly<Record<string, unknown>>)[kind], `${what}, ${kind}`) }) }
    }
  }
  const stream = streamDefinition(given, what)
  const { key, time } = stream.code
  if (key !== undefined || time !== undefined) {
    throw new MillraceError("MR1101", `${what}: what goes there has a key of its own and its moment as time; define stream ${JSON.stringify(stream.name)} without ${key === undefined ? "time" : "key"}.`)
  }
  return { plan: Object.freeze({ kind: "stream", stream: stream.name }), stream }
}

/** @throws MR1101 */
export function successDestination(given: FailureTarget | undefined, what: string): { readonly plan: SuccessDestination | null; readonly stream?: StreamDefinition } {
  const { plan, ...rest } = failureDestination(given, what)
  if (plan?.kind === "s3") throw new MillraceError("MR1101", `${what}: a bucket takes failures alone, as on AWS. Give a stream, { sqs: arn } or { sns: arn }.`)
  return { plan, ...rest }
}

function checkedArn(kind: "sqs" | "sns", given: unknown, what: string): string {
  if (typeof given === "string" && new RegExp(`^arn:aws[\\w-]*:${kind}:[a-z0-9-]+:\\d{12}:[A-Za-z0-9_-]{1,256}(?:\\.fifo)?$`).test(given)) return given
  const form = `arn:aws:${kind}:eu-west-1:123456789012:name`
  throw new MillraceError("MR1101", `${what}: ${JSON.stringify(given)} is not of the form ${form}; a FIFO ${kind === "sqs" ? "queue" : "topic"} ends in .fifo.`, { given })
}

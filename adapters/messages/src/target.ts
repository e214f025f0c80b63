/** Whom a name of AWS names. */
import type { MessageAbout } from "@millrace/engine"
import { MillraceError } from "@millrace/model"

export interface Target {
  readonly service: string
  readonly region: string
  readonly account: string
  readonly name: string
  readonly arn: string
}

/** How long to try. */
export interface Patience {
  /** Tries of one request, the first included. @default `AWS_MAX_ATTEMPTS`, else 3 */
  readonly attempts?: number
}

/** @throws MR1101 */
export function target(arn: string): Target {
  const match = /^arn:aws[\w-]*:(sqs|sns):([a-z0-9-]+):(\d{12}):([A-Za-z0-9_-]{1,256}(?:\.fifo)?)$/.exec(arn)
  if (match === null) {
    throw new MillraceError("MR1101", `${JSON.stringify(arn)} is not of the form arn:aws:sqs:eu-west-1:123456789012:queue (or :sns:); a FIFO one ends in .fifo.`, { to: arn })
  }
  const [, service = "", region = "", account = "", name = ""] = match
  return { service, region, account, name, arn }
}

/** What a FIFO queue or topic wants to be told besides: the others do not take it. */
export function ordered({ name }: Target, { group, id }: MessageAbout): { readonly MessageGroupId?: string; readonly MessageDeduplicationId?: string } {
  return name.endsWith(".fifo") ? { MessageGroupId: group, MessageDeduplicationId: id } : {}
}

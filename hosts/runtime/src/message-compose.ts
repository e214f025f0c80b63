/** The adapter of queues and topics: the only place that names it. */
import type { MessagePlace } from "@millrace/engine"

/** @param arn - of a queue of SQS or a topic of SNS */
export async function openMessages(arn: string): Promise<MessagePlace> {
  const { openMessages: open } = await import("@millrace/messages")
  return open(arn)
}

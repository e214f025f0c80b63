/** The way in: looks whose name it is, and loads the client of that service only now that there is something to tell. */
import type { MessagePlace } from "@millrace/engine"
import { MillraceError } from "@millrace/model"
import { type Patience, target } from "./target.ts"

/**
 * Opens a queue of SQS or a topic of SNS. No request is made yet. Credentials and endpoints come from where the AWS SDK looks for them: environment
 * (`AWS_ENDPOINT_URL_SQS`, `AWS_ENDPOINT_URL_SNS`), profiles, roles.
 *
 * @param arn - `arn:aws:sqs:region:account:name` or `arn:aws:sns:region:account:name`
 * @throws MR1101 when it is neither
 */
export async function openMessages(arn: string, patience: Patience = {}): Promise<MessagePlace> {
  const to = target(arn)
  if (to.service === "sqs") {
    const { Queue } = await import("./queue.ts")
    return new Queue(to, patience)
  }
  if (to.service === "sns") {
    const { Topic } = await import("./topic.ts")
    return new Topic(to, patience)
  }
  throw new MillraceError("MR1101", `${JSON.stringify(arn)} is the name of neither a queue of SQS nor a topic of SNS.`, { to: arn })
}

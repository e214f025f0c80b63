/** A queue of SQS as a place for messages. */
import { GetQueueUrlCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import type { MessageAbout, MessagePlace } from "@millrace/engine"
import { limits } from "@millrace/model"
import { refusal } from "./refusal.ts"
import { ordered, type Patience, type Target } from "./target.ts"

export class Queue implements MessagePlace {
  readonly #target: Target
  readonly #client: SQSClient
  #url: string | undefined

  constructor(target: Target, { attempts }: Patience) {
    this.#target = target
    this.#client = new SQSClient({
      region: target.region,
      ...(attempts === undefined ? {} : { maxAttempts: attempts }),
      requestHandler: { connectionTimeout: limits.s3ConnectMsMax, socketTimeout: limits.s3SilenceMsMax },
    })
  }

  async send(text: string, about: MessageAbout): Promise<void> {
    const { name: QueueName, account: QueueOwnerAWSAccountId } = this.#target
    try {
      this.#url ??= (await this.#client.send(new GetQueueUrlCommand({ QueueName, QueueOwnerAWSAccountId }))).QueueUrl
      await this.#client.send(new SendMessageCommand({ QueueUrl: this.#url, MessageBody: text, ...ordered(this.#target, about) }))
    } catch (fault) {
      // It may have been made anew elsewhere.
      this.#url = undefined
      throw refusal(this.#target, fault)
    }
  }

  close(): Promise<void> {
    this.#client.destroy()
    return Promise.resolve()
  }
}

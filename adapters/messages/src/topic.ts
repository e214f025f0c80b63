/** A topic of SNS as a place for messages. */
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns"
import type { MessageAbout, MessagePlace } from "@millrace/engine"
import { limits } from "@millrace/model"
import { refusal } from "./refusal.ts"
import { ordered, type Patience, type Target } from "./target.ts"

export class Topic implements MessagePlace {
  readonly #target: Target
  readonly #client: SNSClient

  constructor(target: Target, { attempts }: Patience) {
    this.#target = target
    this.#client = new SNSClient({
      region: target.region,
      ...(attempts === undefined ? {} : { maxAttempts: attempts }),
      requestHandler: { connectionTimeout: limits.s3ConnectMsMax, socketTimeout: limits.s3SilenceMsMax },
    })
  }

  async send(text: string, about: MessageAbout): Promise<void> {
    try {
      await this.#client.send(new PublishCommand({ TopicArn: this.#target.arn, Message: text, ...ordered(this.#target, about) }))
    } catch (fault) {
      throw refusal(this.#target, fault)
    }
  }

  close(): Promise<void> {
    this.#client.destroy()
    return Promise.resolve()
  }
}

/**
 * Places outside that are told of what a function could not take: objects in a bucket, which hold all of it, and messages to a queue or a topic. Each is
 * opened when it is told something for the first time.
 */
import type { MessagePlace, ObjectPlace } from "@millrace/engine"
import { type FailureDestination, limits } from "@millrace/model"
import { uuidOf } from "./uuid-of.ts"

/** A destination that is not a stream of the node. */
export type OutsidePlan = Exclude<FailureDestination, { kind: "stream" }>

export interface OutsidePlaces {
  /** @throws MR1101 */
  readonly openPlace: (to: string) => Promise<ObjectPlace>
  /** @throws MR1101 */
  readonly openMessages: (arn: string) => Promise<MessagePlace>
}

/** What a destination is told. */
export interface Telling {
  /** The object's name, the same one when it is told again. */
  readonly name: string
  /** What is told of one group comes in its order, where the place keeps one. */
  readonly group: string
  /** What the object holds. */
  readonly whole: () => string
  /** What a message says. */
  readonly message: () => string
}

export class Destination {
  readonly plan: OutsidePlan
  readonly #places: OutsidePlaces
  #objects: Promise<ObjectPlace> | undefined
  #messages: Promise<MessagePlace> | undefined

  constructor(plan: OutsidePlan, places: OutsidePlaces) {
    this.plan = plan
    this.#places = places
  }

  /**
   * Resolves once it has taken it; false: it never will, as it is larger than its messages may be.
   *
   * @throws MR1501 when it refuses; a retry may help
   */
  async tell({ name, group, whole, message }: Telling): Promise<boolean> {
    if (this.plan.kind === "s3") {
      await (await this.objects()).put(name, Buffer.from(whole()))
      return true
    }
    const text = message()
    if (!this.fits(text)) return false
    await (await this.#opened()).send(text, { group, id: uuidOf(name) })
    return true
  }

  /** Whether a message is not larger than those that it takes; a bucket takes all. */
  fits(text: string): boolean {
    return this.plan.kind === "s3" || Buffer.byteLength(text) <= messageBytesMax[this.plan.kind]
  }

  /** The bucket. @throws MR1101, MR1501 */
  objects(): Promise<ObjectPlace> {
    if (this.#objects === undefined) {
      const opened = this.#places.openPlace(this.plan.to)
      this.#objects = opened
      // One that could not be opened is tried anew.
      opened.catch(() => (this.#objects = undefined))
    }
    return this.#objects
  }

  async close(): Promise<void> {
    await (await this.#objects?.catch(() => undefined))?.close()
    await (await this.#messages?.catch(() => undefined))?.close()
  }

  #opened(): Promise<MessagePlace> {
    if (this.#messages === undefined) {
      const opened = this.#places.openMessages(this.plan.to)
      this.#messages = opened
      opened.catch(() => (this.#messages = undefined))
    }
    return this.#messages
  }
}

const messageBytesMax = { sqs: limits.sqsMessageBytesMax, sns: limits.snsMessageBytesMax } as const

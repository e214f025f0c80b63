/**
 * Shard iterators: a place in a shard and the moment at which it was given out, as one opaque text. They say all
 * themselves, so a node keeps nothing of them and knows its own after a restart.
 */
import { createHash } from "node:crypto"
import { KinesisFailure } from "./failure.ts"

export interface Place {
  readonly stream: string
  /** Second in which the shard was made: a stream that was deleted and made again is another. */
  readonly second: number
  readonly partition: number
  readonly offset: number
}

/** An iterator is good for so long, in ms. */
const iteratorMsMax = 300_000
const sumLength = 16

/** @param now - ms */
export function iteratorOf({ stream, second, partition, offset }: Place, now: number): string {
  const text = [stream, second, partition, offset, now].join("|")
  return Buffer.from(`${sumOf(text)}${text}`).toString("base64")
}

/** @throws KinesisFailure InvalidArgumentException, ExpiredIteratorException */
export function placeOf(iterator: string, now: number): Place {
  const bytes = Buffer.from(iterator, "base64")
  const whole = bytes.toString()
  const text = whole.slice(sumLength)
  // A decoder passes over what is no base64.
  if (sumOf(text) !== whole.slice(0, sumLength) || bytes.toString("base64") !== iterator)
    throw new KinesisFailure("InvalidArgumentException", "Invalid ShardIterator.")
  const [stream = "", ...numbers] = text.split("|")
  const [second = 0, partition = 0, offset = 0, given = 0] = numbers.map(Number)
  if (now - given > iteratorMsMax) {
    throw new KinesisFailure(
      "ExpiredIteratorException",
      `Iterator expired. The iterator was created at time ${utc(given)} while right now it is ${utc(now)} which is further in the ` +
        `future than the tolerated delay of ${iteratorMsMax} milliseconds.`,
    )
  }
  return { stream, second, partition, offset }
}

function sumOf(text: string): string {
  return createHash("sha256").update(`iterator ${text}`).digest("base64").slice(0, sumLength)
}

function utc(ms: number): string {
  return new Date(ms).toUTCString().replace("GMT", "UTC")
}

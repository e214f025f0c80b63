/** The names that AWS gives to streams and their consumers. */
import { streamArn } from "@millrace/model"
import { KinesisFailure } from "./failure.ts"

export function consumerArn(region: string, stream: string, consumer: string, second: number): string {
  return `${streamArn(region, stream)}/consumer/${consumer}:${second}`
}

/** The stream that an ARN of it, or of one of its consumers, names; of any region and account. */
export function streamOfArn(arn: string): string {
  const stream = /:stream\/([a-zA-Z0-9_.-]+)(?:\/consumer\/[a-zA-Z0-9_.-]+:\d+)?$/.exec(arn)?.[1]
  if (stream === undefined)
    throw new KinesisFailure("InvalidArgumentException", `${arn} is not the ARN of a stream or of a consumer.`)
  return stream
}

/** The consumer's name in its ARN. */
export function consumerOfArn(arn: string): { readonly name: string; readonly second: number } | undefined {
  const found = /\/consumer\/([a-zA-Z0-9_.-]+):(\d+)$/.exec(arn)
  return found === null ? undefined : { name: found[1] as string, second: Number(found[2]) }
}

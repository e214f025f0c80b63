/**
 * A Lambda handler as it stands on AWS, file and all: nothing in here knows of Millrace. Each batch becomes one object, named
 * by where it begins, so that a batch that is delivered again takes the place of itself.
 */
import { gzipSync } from "node:zlib"
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3"

interface KinesisEvent {
  readonly Records: readonly {
    readonly eventID: string
    readonly kinesis: { readonly data: string; readonly sequenceNumber: string }
  }[]
}

// Once for each instance, as on AWS. Region, endpoint and credentials come from the environment.
const s3 = new S3Client({})

export const handler = async ({ Records }: KinesisEvent): Promise<{ batchItemFailures: { itemIdentifier: string }[] }> => {
  const lines: string[] = []
  const batchItemFailures: { itemIdentifier: string }[] = []
  for (const { kinesis } of Records) {
    const text = Buffer.from(kinesis.data, "base64").toString()
    const quake = JSON.parse(text) as { id?: unknown }
    if (typeof quake.id !== "string") {
      // What is before it is done; from it on all is tried again, and told of when it stays as it is.
      batchItemFailures.push({ itemIdentifier: kinesis.sequenceNumber })
      break
    }
    lines.push(`${text}\n`)
  }
  const [shard, sequence] = Records[0]?.eventID.split(":") ?? []
  if (lines.length > 0) {
    await s3.send(
      new PutObjectCommand({
        Bucket: process.env["BUCKET"],
        Key: `quakes/${shard}/${sequence}.ndjson.gz`,
        Body: gzipSync(lines.join("")),
        ContentType: "application/x-ndjson",
        ContentEncoding: "gzip",
      }),
    )
  }
  return { batchItemFailures }
}

// A handler as it would run on AWS: the SDK finds region, key and endpoint by itself.
import { KinesisClient, PutRecordCommand } from "@aws-sdk/client-kinesis"

const kinesis = new KinesisClient({})

export const handler = async ({ stream, text }) => {
  const put = new PutRecordCommand({ StreamName: stream, PartitionKey: "k", Data: Buffer.from(text) })
  const { SequenceNumber, ShardId } = await kinesis.send(put)
  return { SequenceNumber, ShardId }
}

// A producer and a consumer with the SDK's default settings, run with the CA that its node's certificate is signed by.
import { CreateStreamCommand, GetRecordsCommand, GetShardIteratorCommand, KinesisClient, PutRecordCommand } from "@aws-sdk/client-kinesis"
const kinesis = new KinesisClient({ endpoint: process.env.URL, region: "us-east-1", credentials: { accessKeyId: "a", secretAccessKey: "b" }, maxAttempts: 1 })
await kinesis.send(new CreateStreamCommand({ StreamName: "secret", ShardCount: 1 }))
await kinesis.send(new PutRecordCommand({ StreamName: "secret", PartitionKey: "k", Data: Buffer.from("over TLS") }))
const { ShardIterator } = await kinesis.send(new GetShardIteratorCommand({ StreamName: "secret", ShardId: "shardId-000000000000", ShardIteratorType: "TRIM_HORIZON" }))
const { Records } = await kinesis.send(new GetRecordsCommand({ ShardIterator }))
process.stdout.write(Buffer.from(Records[0].Data).toString())
kinesis.destroy()

import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import path from "node:path"
import { after, before, test } from "node:test"
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns"
import { CreateQueueCommand, type Message, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs"
import { type Moto, startMoto } from "@millrace/verify"
import { openMessages } from "./index.ts"

process.env["AWS_ACCESS_KEY_ID"] = "testing"
process.env["AWS_SECRET_ACCESS_KEY"] = "testing"
delete process.env["AWS_PROFILE"]

let moto: Moto
let sqs: SQSClient
let sns: SNSClient

before(async () => {
  moto = await startMoto()
  process.env["AWS_ENDPOINT_URL_SQS"] = moto.endpoint
  process.env["AWS_ENDPOINT_URL_SNS"] = moto.endpoint
  sqs = new SQSClient({ region: "eu-west-1" })
  sns = new SNSClient({ region: "eu-west-1" })
})
after(async () => {
  sqs.destroy()
  sns.destroy()
  await moto.stop()
})

const arn = (service: string, name: string): string => `arn:aws:${service}:eu-west-1:123456789012:${name}`

const about = { group: "g", id: "i" }

async function received(QueueUrl: string): Promise<readonly string[]> {
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }))
  return Messages.map(({ Body = "" }: Message) => Body)
}

test("a message is in the queue once it was sent", async () => {
  const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: "failed" }))
  const queue = await openMessages(arn("sqs", "failed"))
  await queue.send('{"n":"é"}', about)
  await queue.send("2", about)
  await queue.close()
  assert.deepEqual((await received(QueueUrl)).toSorted(), ["2", '{"n":"é"}'])
})

test("a message to a topic reaches who has subscribed to it", async () => {
  const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: "heard" }))
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "news" }))
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: arn("sqs", "heard"), Attributes: { RawMessageDelivery: "true" } }))
  const topic = await openMessages(arn("sns", "news"))
  await topic.send("told", about)
  await topic.close()
  assert.deepEqual(await received(QueueUrl), ["told"])
})

test("a FIFO queue gets each group's messages in their order, and one that is sent again once", async () => {
  const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: "in-order.fifo", Attributes: { FifoQueue: "true" } }))
  const queue = await openMessages(arn("sqs", "in-order.fifo"))
  for (const n of [1, 2, 2, 3]) await queue.send(`a ${n}`, { group: "shard-a", id: `a ${n}`.replace(" ", "-") })
  await queue.send("b 1", { group: "b", id: "b-1" })
  await queue.close()
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ["MessageGroupId"] }))
  const bodies = (group: string): (string | undefined)[] => Messages.filter(({ Attributes = {} }) => Attributes["MessageGroupId"] === group).map(({ Body }) => Body)
  assert.deepEqual([bodies("shard-a"), bodies("b")], [["a 1", "a 2", "a 3"], ["b 1"]])
})

test("a FIFO topic hands its messages to a FIFO queue in their order", async () => {
  const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: "heard.fifo", Attributes: { FifoQueue: "true" } }))
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "news.fifo", Attributes: { FifoTopic: "true" } }))
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: arn("sqs", "heard.fifo"), Attributes: { RawMessageDelivery: "true" } }))
  const topic = await openMessages(arn("sns", "news.fifo"))
  for (const n of [1, 2, 3]) await topic.send(`${n}`, { group: "g", id: `id-${n}` })
  await topic.close()
  assert.deepEqual(await received(QueueUrl), ["1", "2", "3"])
})

test("a queue that is made later takes what was refused before (MR1501)", async () => {
  const queue = await openMessages(arn("sqs", "later"), { attempts: 1 })
  await assert.rejects(queue.send("1", about), { code: "MR1501", message: /^arn:aws:sqs:eu-west-1:123456789012:later: there is none of this name\. Create it, or name another; the message is kept and sent then\./ })
  const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: "later" }))
  await queue.send("1", about)
  await queue.close()
  assert.deepEqual(await received(QueueUrl), ["1"])
  const topic = await openMessages(arn("sns", "none"), { attempts: 1 })
  await assert.rejects(topic.send("1", about), { code: "MR1501", message: /there is none of this name/ })
  await topic.close()
})

test("a service that is not there is MR1501", async () => {
  process.env["AWS_ENDPOINT_URL_SQS"] = "http://127.0.0.1:1"
  const queue = await openMessages(arn("sqs", "failed"), { attempts: 1 })
  await assert.rejects(queue.send("1", about), { code: "MR1501", message: /cannot be reached.*\(ECONNREFUSED\)/ })
  process.env["AWS_ENDPOINT_URL_SQS"] = moto.endpoint
  await queue.close()
})

test("what names neither a queue nor a topic is MR1101", async () => {
  for (const wrong of ["failed", "arn:aws:s3:::bucket", "arn:aws:sqs:eu-west-1:1:x", arn("sqs", "x.fif"), arn("sqs", "x.fifo.fifo"), "https://sqs.eu-west-1.amazonaws.com/123456789012/x"]) {
    await assert.rejects(openMessages(wrong), { code: "MR1101" })
  }
})

test("no client is loaded before its service is named, and only that one", () => {
  const source = `
    import { createRequire } from "node:module"
    import { openMessages } from "@millrace/messages"
    const { cache } = createRequire(import.meta.url)
    const loaded = () => ["sqs", "sns"].filter((name) => Object.keys(cache).some((file) => file.includes("@aws-sdk/client-" + name)))
    console.log(loaded().join())
    await openMessages("${arn("sqs", "x")}")
    console.log(loaded().join())`
  const { stdout, stderr } = spawnSync(process.execPath, ["--conditions=@millrace/source", "--input-type=module", "--eval", source], { cwd: path.join(import.meta.dirname, ".."), encoding: "utf8" })
  assert.equal(stderr, "")
  assert.equal(stdout, "\nsqs\n")
})

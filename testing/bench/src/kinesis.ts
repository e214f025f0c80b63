/**
 * The Kinesis API: PutRecords of 500 records of 200 bytes each, over HTTP/2 with prior knowledge. Once with the SDK for
 * JavaScript as load, whose own work shares the machine, and once with requests that were made beforehand, to a stream of
 * bytes and to a service's stream, whose records are decoded, checked and keyed.
 */
import { connect } from "node:http2"
import { resolve } from "node:path"
import { CreateStreamCommand, KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis"
import { cpuWaitSeconds } from "./cpu-wait.ts"
import type { Bench, Figure } from "./figures.ts"
import { newDirectory, type NodeProcess, removeDirectory, startProcess } from "./node-process.ts"
import { paymentLine } from "./payments.ts"

const perRequest = 500
const inFlight = 8
const seconds = 8
const warmUpSeconds = 2
const shards = 4

const parts = ["sdk", "bytes", "service"] as const
type Part = (typeof parts)[number]

export const kinesis: Bench = {
  name: "kinesis",
  about: `PutRecords ${perRequest} x 200 bytes over HTTP/2, ${inFlight} requests in flight`,
  async run(say, only) {
    const figures: Figure[] = []
    for (const part of parts) {
      if (only.length > 0 && !only.includes(part)) continue
      figures.push(...(await measured(part, say)))
    }
    return figures
  },
}

async function measured(part: Part, say: (line: string) => void): Promise<Figure[]> {
  const dir = newDirectory()
  const stream = part === "service" ? "payments" : "raw"
  const node = await startProcess(part === "service" ? [resolve(import.meta.dirname, "velocity.ts")] : [], dir)
  const client = new KinesisClient({
    endpoint: node.url,
    region: "us-east-1",
    credentials: { accessKeyId: "bench", secretAccessKey: "bench" },
  })
  if (part !== "service") await client.send(new CreateStreamCommand({ StreamName: stream, ShardCount: shards }))
  const load = part === "sdk" ? sdkLoad(client, stream) : plainLoad(node, stream)
  const { rate, clientCpu, nodeCpu, clientWait, nodeWait, sent } = await run(load.put, node)
  load.close()
  client.destroy()
  const counted = await countOf(node, stream)
  await node.kill("SIGTERM")
  removeDirectory(dir)
  const names: Readonly<Record<Part, string>> = {
    sdk: "SDK to a stream of bytes",
    bytes: "ready-made requests to a stream of bytes",
    service: "ready-made requests to a service's stream",
  }
  say(
    `${names[part]}: ${Math.round(rate).toLocaleString("en")} records/s; client ${clientCpu.toFixed(2)} cores, node ${nodeCpu.toFixed(2)} cores; waiting for a CPU ${percent(clientWait)} and ${percent(nodeWait)} of the time; ${counted} of ${sent} records read back`,
  )
  const oracle = counted === sent ? "agrees" : "differs"
  return [
    {
      name: names[part],
      value: Math.round(rate),
      unit: "records/s",
      ...(part === "sdk" ? { aim: 150_000 } : {}),
      better: "higher",
      oracle,
    },
    {
      name: `${names[part]}, the client's CPU`,
      value: Math.round(clientCpu * 100) / 100,
      unit: "cores",
      better: "lower",
    },
    { name: `${names[part]}, the node's CPU`, value: Math.round(nodeCpu * 100) / 100, unit: "cores", better: "lower" },
    // What others on the machine take away from the two.
    { name: `${names[part]}, the client waits for a CPU`, value: Math.round(clientWait * 100), unit: "% of the time", better: "lower" },
    { name: `${names[part]}, the node waits for a CPU`, value: Math.round(nodeWait * 100), unit: "% of the time", better: "lower" },
  ]
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

interface Load {
  /** Puts one request's records. */
  readonly put: () => Promise<void>
  readonly close: () => void
}

interface Measured {
  readonly rate: number
  readonly clientCpu: number
  readonly nodeCpu: number
  /** Shares of the time that their main threads could have run and had no CPU. */
  readonly clientWait: number
  readonly nodeWait: number
  readonly sent: number
}

async function run(put: () => Promise<void>, node: NodeProcess): Promise<Measured> {
  const started = performance.now()
  let sent = 0
  let begun: { at: number; sent: number; own: number; node: number; ownWait: number; nodeWait: number } | undefined
  const own = (): number => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }
  const lane = async (): Promise<void> => {
    for (;;) {
      const passed = performance.now() - started
      if (passed > (warmUpSeconds + seconds) * 1000) return
      if (begun === undefined && passed > warmUpSeconds * 1000)
        begun = { at: performance.now(), sent, own: own(), node: node.cpuSeconds(), ownWait: cpuWaitSeconds(process.pid), nodeWait: cpuWaitSeconds(node.pid) }
      await put()
      sent += perRequest
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  const { at, sent: before, own: ownBefore, node: nodeBefore, ownWait, nodeWait } = begun ?? { at: started, sent: 0, own: 0, node: 0, ownWait: 0, nodeWait: 0 }
  const took = (performance.now() - at) / 1000
  return {
    rate: (sent - before) / took,
    clientCpu: (own() - ownBefore) / took,
    nodeCpu: (node.cpuSeconds() - nodeBefore) / took,
    clientWait: (cpuWaitSeconds(process.pid) - ownWait) / took,
    nodeWait: (cpuWaitSeconds(node.pid) - nodeWait) / took,
    sent,
  }
}

const encoder = new TextEncoder()

/** Records as a service's stream would have them. */
function recordsFrom(number: number): { Data: Uint8Array; PartitionKey: string }[] {
  return Array.from({ length: perRequest }, (_, i) => {
    const card = (number * perRequest + i) % 10_000
    return { Data: encoder.encode(paymentLine(card, i, Date.now())), PartitionKey: `card-${card}` }
  })
}

function sdkLoad(client: KinesisClient, stream: string): Load {
  const requests = Array.from({ length: 20 }, (_, i) => recordsFrom(i))
  let turn = 0
  return {
    async put() {
      const { FailedRecordCount: failed } = await client.send(
        new PutRecordsCommand({ StreamName: stream, Records: requests[turn++ % requests.length] }),
      )
      if (failed !== 0) throw new Error(`${failed} records were refused`)
    },
    close: () => undefined,
  }
}

function plainLoad(node: NodeProcess, stream: string): Load {
  const session = connect(node.url, { settings: { initialWindowSize: 4_194_304 } })
  const bodies = Array.from({ length: 20 }, (_, i) => {
    const records = recordsFrom(i).map(({ Data: data, PartitionKey: key }) => ({
      Data: Buffer.from(data).toString("base64"),
      PartitionKey: key,
    }))
    return Buffer.from(JSON.stringify({ StreamName: stream, Records: records }))
  })
  let turn = 0
  const put = (): Promise<void> =>
    new Promise((done, fail) => {
      const request = session.request({
        ":method": "POST",
        ":path": "/",
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "Kinesis_20131202.PutRecords",
      })
      let begin = ""
      request.setEncoding("utf8").on("data", (text: string) => {
        if (begin === "") begin = text
      })
      request.on("error", fail)
      request.on("end", () =>
        begin.startsWith('{"FailedRecordCount":0,') ? done() : fail(new Error(begin.slice(0, 300))),
      )
      request.end(bodies[turn++ % bodies.length])
    })
  return { put, close: () => session.close() }
}

/** Reads all records of a stream back and counts them. */
async function countOf(node: NodeProcess, stream: string): Promise<number> {
  const call = async (action: string, input: object): Promise<string> => {
    const answer = await fetch(node.url, {
      method: "POST",
      headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": `Kinesis_20131202.${action}` },
      body: JSON.stringify(input),
    })
    return answer.text()
  }
  const { Shards: all } = JSON.parse(await call("ListShards", { StreamName: stream })) as {
    Shards: { ShardId: string }[]
  }
  let count = 0
  for (const { ShardId: id } of all) {
    const begin = { StreamName: stream, ShardId: id, ShardIteratorType: "TRIM_HORIZON" }
    let { ShardIterator: next } = JSON.parse(await call("GetShardIterator", begin)) as { ShardIterator: string }
    for (;;) {
      const page = await call("GetRecords", { ShardIterator: next })
      const { Records: records, NextShardIterator: following } = JSON.parse(page) as {
        Records: unknown[]
        NextShardIterator: string
      }
      if (records.length === 0) break
      count += records.length
      next = following
    }
  }
  return count
}

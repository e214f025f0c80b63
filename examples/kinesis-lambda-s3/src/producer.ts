/**
 * A producer as it stands on AWS: reads earthquakes and puts them into a Kinesis stream, 500 at a time. Nothing in here knows of
 * Millrace; region, endpoint and credentials come from the environment.
 */
import { readFileSync } from "node:fs"
import { KinesisClient, PutRecordsCommand, type PutRecordsRequestEntry } from "@aws-sdk/client-kinesis"
import type { Quake } from "./quake.ts"

interface Feature {
  readonly id: string
  readonly properties: { readonly time: number; readonly mag: number | null; readonly place: string }
}

const file = new URL("../data/earthquakes.json", import.meta.resolve("vega-datasets"))
const { features } = JSON.parse(readFileSync(file, "utf8")) as { features: readonly Feature[] }
const kinesis = new KinesisClient({})

let waiting = features.map(({ id, properties: { time, mag, place } }): PutRecordsRequestEntry => {
  const quake: Quake = { id, time, magnitude: mag, place }
  return { PartitionKey: id, Data: Buffer.from(JSON.stringify(quake)) }
})
while (waiting.length > 0) {
  const sent = waiting.slice(0, 500)
  const { Records = [] } = await kinesis.send(new PutRecordsCommand({ StreamName: "quakes", Records: sent }))
  // Those that the stream had no room for are sent again.
  waiting = [...sent.filter((_, i) => Records[i]?.ErrorCode !== undefined), ...waiting.slice(500)]
}
kinesis.destroy()
console.log(`${features.length} earthquakes sent`)

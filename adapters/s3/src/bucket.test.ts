import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { once } from "node:events"
import { type AddressInfo, createServer } from "node:net"
import path from "node:path"
import { after, before, test } from "node:test"
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3"
import type { ObjectPlace } from "@millrace/engine"
import { limits } from "@millrace/model"
import { type Moto, startMoto } from "@millrace/verify"
import { bucketLocation, openBucket } from "./index.ts"

process.env["AWS_ACCESS_KEY_ID"] = "testing"
process.env["AWS_SECRET_ACCESS_KEY"] = "testing"
delete process.env["AWS_REGION"]
delete process.env["AWS_PROFILE"]

let moto: Moto
let client: S3Client

function clientOf({ endpoint }: Moto): S3Client {
  return new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true })
}

before(async () => {
  moto = await startMoto()
  client = clientOf(moto)
  await client.send(new CreateBucketCommand({ Bucket: "lake" }))
})
after(async () => {
  client.destroy()
  await moto.stop()
})

const to = (location: string): string => `s3://${location}?endpoint=${encodeURIComponent(moto.endpoint)}`
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The names under a prefix. */
async function listed(place: ObjectPlace, prefix: string): Promise<string[]> {
  const names: string[] = []
  for await (const name of place.list(prefix)) names.push(name)
  return names
}

async function objects(prefix: string): Promise<Array<readonly [key: string | undefined, size: number | undefined]>> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: "lake", Prefix: prefix }))
  return Contents.map(({ Key, Size }) => [Key, Size] as const)
}

test("an object is put under prefix and name with its type, replaces an earlier one, and is read back", async () => {
  const place = await openBucket(to("lake/out/"))
  await place.put("trips/origin=a%2Fb é/part-0000-00000000.csv", bytes("one"))
  await place.put("trips/origin=a%2Fb é/part-0000-00000000.csv", bytes("two, é"))
  await place.put("trips/part-0000-00000001.parquet", bytes(""))
  await place.close()
  assert.deepEqual(await objects("out/"), [
    ["out/trips/origin=a%2Fb é/part-0000-00000000.csv", 7],
    ["out/trips/part-0000-00000001.parquet", 0],
  ])
  const object = await client.send(
    new GetObjectCommand({
      Bucket: "lake",
      Key: "out/trips/origin=a%2Fb é/part-0000-00000000.csv",
      ChecksumMode: "ENABLED",
    }),
  )
  assert.equal(await object.Body?.transformToString(), "two, é")
  assert.equal(object.ContentType, "text/csv; charset=utf-8")
  assert.ok(object.ChecksumCRC32)
})

test("an object is read again and removed; one that is not there is neither a fault", async () => {
  const place = await openBucket(to("lake/values"))
  await place.put("a/b.json", bytes("one, é"))
  assert.deepEqual(Buffer.from((await place.get("a/b.json")) ?? []), Buffer.from("one, é"))
  await place.remove("a/b.json")
  await place.remove("a/b.json")
  assert.equal(await place.get("a/b.json"), undefined)
  await place.close()
})

test("the names under a prefix are listed in their order, however many pages that takes", async () => {
  const place = await openBucket(to("lake/listed"))
  const names = Array.from({ length: 1_003 }, (_, n) => `a/${String(n).padStart(4, "0")} é+`)
  for (let from = 0; from < names.length; from += 50) await Promise.all(names.slice(from, from + 50).map((name) => place.put(name, bytes(""))))
  await place.put("b/1", bytes(""))
  assert.deepEqual(await listed(place, "a/"), names)
  assert.deepEqual(await listed(place, "c"), [])
  await place.close()
  const missing = await openBucket(to("missing"))
  await assert.rejects(listed(missing, ""), { code: "MR1501" })
  await missing.close()
})

test("the endpoint may come from the environment", async () => {
  process.env["AWS_ENDPOINT_URL_S3"] = moto.endpoint
  try {
    const place = await openBucket("s3://lake")
    await place.put("environment/part-0", bytes("x"))
    await place.close()
  } finally {
    delete process.env["AWS_ENDPOINT_URL_S3"]
  }
  assert.deepEqual(await objects("environment/"), [["environment/part-0", 1]])
})

test("an object above the limit goes in parts, appears whole, and clears away what a crash left of it", async () => {
  const Key = "large/part-0"
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: "lake", Key }))
  await client.send(new UploadPartCommand({ Bucket: "lake", Key, UploadId, PartNumber: 1, Body: bytes("torn") }))
  await client.send(new CreateMultipartUploadCommand({ Bucket: "lake", Key: "large/part-00" }))

  const large = new Uint8Array(limits.multipartAboveBytes + 3)
  for (let at = 0; at < large.length; at += 4093) large[at] = at % 251
  const place = await openBucket(to("lake"))
  await place.put(Key, large)
  await place.close()

  const object = await client.send(new GetObjectCommand({ Bucket: "lake", Key }))
  assert.equal(Buffer.compare(large, (await object.Body?.transformToByteArray()) ?? new Uint8Array()), 0)
  assert.match(object.ETag ?? "", new RegExp(`-${Math.ceil(large.length / limits.multipartPartBytes)}"$`))
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: "lake" }))
  assert.deepEqual(
    Uploads.map((upload) => upload.Key),
    ["large/part-00"],
  )
})

test("a bucket that does not exist is MR1501 with bucket, key and AWS's word", async () => {
  for (const body of [bytes("x"), new Uint8Array(limits.multipartAboveBytes + 1)]) {
    const place = await openBucket(to("missing/out"))
    await assert.rejects(place.put("trips/part-0", body), {
      code: "MR1501",
      message:
        "s3://missing/out/trips/part-0: there is no such bucket. Create it, or name another; the file is kept and " +
        "delivered then. (NoSuchBucket)",
      details: { bucket: "missing", key: "out/trips/part-0", code: "NoSuchBucket", status: 404 },
    })
    await place.close()
  }
})

test("a server that is gone is MR1501, and the same put succeeds once it is back", async () => {
  const gone = await startMoto()
  const place = await openBucket(`s3://lake/out?endpoint=${encodeURIComponent(gone.endpoint)}`, { attempts: 2 })
  await gone.stop()
  await assert.rejects(place.put("part-0", bytes("x")), {
    code: "MR1501",
    message: /^s3:\/\/lake\/out\/part-0: the server cannot be reached.*\(ECONNREFUSED\)$/,
    details: { bucket: "lake", key: "out/part-0", code: "ECONNREFUSED" },
  })
  const back = await startMoto(gone.port)
  try {
    const other = clientOf(back)
    await other.send(new CreateBucketCommand({ Bucket: "lake" }))
    await place.put("part-0", bytes("x"))
    const { Contents = [] } = await other.send(new ListObjectsV2Command({ Bucket: "lake" }))
    assert.deepEqual(
      Contents.map(({ Key }) => Key),
      ["out/part-0"],
    )
    other.destroy()
  } finally {
    await place.close()
    await back.stop()
  }
})

test("a server that takes connections and says nothing is MR1501, not an endless wait", async () => {
  const silent = createServer((socket) => socket.resume()).listen(0, "127.0.0.1")
  await once(silent, "listening")
  const { port } = silent.address() as AddressInfo
  const place = await openBucket(`s3://lake?endpoint=${encodeURIComponent(`http://127.0.0.1:${port}`)}`, {
    attempts: 1,
    silenceMs: 50,
  })
  try {
    await assert.rejects(place.put("part-0", bytes("x")), {
      code: "MR1501",
      message: /the server does not answer in time.*\(TimeoutError\)/,
    })
  } finally {
    await place.close()
    silent.close()
  }
})

test("a name that climbs out is MR1501 and nothing is sent", async () => {
  const place = await openBucket("s3://lake?endpoint=http%3A%2F%2F127.0.0.1%3A1")
  for (const name of ["", "a//b", "../x", "a/..", "./a"])
    await assert.rejects(place.put(name, bytes("x")), { code: "MR1501", message: /is not a name for a file/ })
  await place.close()
})

test("a location is bucket, prefix and what is not AWS's usual", () => {
  assert.deepEqual(bucketLocation("s3://my.bucket-1"), { bucket: "my.bucket-1", prefix: "" })
  assert.deepEqual(bucketLocation("s3://lake/a/b/"), { bucket: "lake", prefix: "a/b" })
  assert.deepEqual(
    bucketLocation("s3://lake//a//?region=eu-west-1&endpoint=http%3A%2F%2Fminio%3A9000&forcePathStyle=false"),
    {
      bucket: "lake",
      prefix: "a",
      endpoint: "http://minio:9000",
      region: "eu-west-1",
      forcePathStyle: false,
    },
  )
})

test("a misformed location is MR1101, saying what is wrong and the form", async () => {
  for (const wrong of [
    "lake",
    "s3:/lake",
    "s3://",
    "s3://La_ke/x",
    "s3://lake?regoin=x",
    "s3://lake?endpoint=minio:9000",
    "s3://lake?endpoint=ftp://x",
    "s3://lake?forcePathStyle=1",
    "s3://lake/x#y",
  ]) {
    await assert.rejects(openBucket(wrong), { code: "MR1101", message: /s3:\/\/bucket\/prefix\?endpoint=/ })
  }
})

test("nothing of the SDK is loaded before a bucket is opened", () => {
  const source = `
    import { createRequire } from "node:module"
    import { openBucket } from "@millrace/s3"
    const { cache } = createRequire(import.meta.url)
    const loaded = () => Object.keys(cache).some((file) => file.includes("@aws-sdk"))
    console.log(loaded())
    await openBucket("s3://lake")
    console.log(loaded())`
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--conditions=@millrace/source", "--input-type=module", "--eval", source],
    {
      cwd: path.join(import.meta.dirname, ".."),
      encoding: "utf8",
    },
  )
  assert.equal(stderr, "")
  assert.equal(stdout, "false\ntrue\n")
})

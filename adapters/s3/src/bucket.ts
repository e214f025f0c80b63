/**
 * A bucket as a place for files: S3, and what speaks its protocol.
 *
 * 1. An object appears whole or not at all, and is durable when `put` resolves; S3 promises both of a request that it
 *    answered, and of a completed multipart upload.
 * 2. What arrives is what was sent: a CRC32 goes with every body, and the server refuses one that differs.
 */
import { limits, MillraceError } from "@millrace/model"
import type { ObjectPlace } from "@millrace/engine"
import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command, NoSuchKey, type ListObjectsV2CommandOutput, PutObjectCommand, S3Client, type S3ClientConfig } from "@aws-sdk/client-s3"
import type { BucketLocation } from "./location.ts"
import { putInParts } from "./multipart.ts"
import { refusal } from "./refusal.ts"

/** How long to try. */
export interface BucketPatience {
  /**
   * Tries of one request, the first included; the SDK waits longer from one to the next.
   *
   * @default `AWS_MAX_ATTEMPTS`, else 3
   */
  readonly attempts?: number
  /** Milliseconds that S3 may be silent while it owes an answer. @default `limits.s3SilenceMsMax` */
  readonly silenceMs?: number
}

const contentTypes: ReadonlyArray<readonly [ending: string, type: string]> = [
  [".parquet", "application/vnd.apache.parquet"],
  [".ndjson", "application/x-ndjson"],
  [".ndjson.gz", "application/gzip"],
  [".csv", "text/csv; charset=utf-8"],
]

export class Bucket implements ObjectPlace {
  readonly #bucket: string
  readonly #prefix: string
  readonly #client: S3Client

  constructor(location: BucketLocation, patience: BucketPatience) {
    this.#bucket = location.bucket
    this.#prefix = location.prefix === "" ? "" : `${location.prefix}/`
    this.#client = new S3Client(clientConfig(location, patience))
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    const Key = `${this.#prefix}${name}`
    assertName(this.#bucket, name)
    const object = {
      Bucket: this.#bucket,
      Key,
      ContentType: contentTypes.find(([ending]) => name.endsWith(ending))?.[1] ?? "application/octet-stream",
    }
    try {
      if (bytes.length > limits.multipartAboveBytes) await putInParts(this.#client, object, bytes)
      else
        await this.#client.send(
          new PutObjectCommand({ ...object, Body: bytes, ContentLength: bytes.length, ChecksumAlgorithm: "CRC32" }),
        )
    } catch (fault) {
      throw refusal(this.#bucket, Key, fault)
    }
  }

  async *list(prefix: string): AsyncGenerator<string> {
    const Prefix = `${this.#prefix}${prefix}`
    for (let StartAfter: string | undefined; ; ) {
      let page: ListObjectsV2CommandOutput
      try {
        page = await this.#client.send(new ListObjectsV2Command({ Bucket: this.#bucket, Prefix, ...(StartAfter === undefined ? {} : { StartAfter }) }))
      } catch (fault) {
        throw refusal(this.#bucket, Prefix, fault)
      }
      const keys = (page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key]))
      for (const key of keys) yield key.slice(this.#prefix.length)
      const last = keys.at(-1)
      if (page.IsTruncated !== true || last === undefined) return
      StartAfter = last
    }
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const Key = `${this.#prefix}${name}`
    assertName(this.#bucket, name)
    try {
      const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key }))
      return await Body?.transformToByteArray()
    } catch (fault) {
      if (fault instanceof NoSuchKey) return undefined
      throw refusal(this.#bucket, Key, fault)
    }
  }

  async remove(name: string): Promise<void> {
    const Key = `${this.#prefix}${name}`
    assertName(this.#bucket, name)
    try {
      await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key }))
    } catch (fault) {
      throw refusal(this.#bucket, Key, fault)
    }
  }

  close(): Promise<void> {
    this.#client.destroy()
    return Promise.resolve()
  }
}

function clientConfig(
  { endpoint, region, forcePathStyle }: BucketLocation,
  { attempts, silenceMs }: BucketPatience,
): S3ClientConfig {
  // The SDK reads these variables itself; what it does not do is to reach the buckets of another server by path, though
  // few of them have a host name for each, and to do without a region there.
  const elsewhere = (endpoint ?? process.env["AWS_ENDPOINT_URL_S3"] ?? process.env["AWS_ENDPOINT_URL"]) !== undefined
  const regionHere = region ?? (elsewhere ? (process.env["AWS_REGION"] ?? "us-east-1") : undefined)
  return {
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(regionHere === undefined ? {} : { region: regionHere }),
    ...(attempts === undefined ? {} : { maxAttempts: attempts }),
    forcePathStyle: forcePathStyle ?? elsewhere,
    requestHandler: { connectionTimeout: limits.s3ConnectMsMax, socketTimeout: silenceMs ?? limits.s3SilenceMsMax },
  }
}

/** Tools that show objects as files take these for steps up, or for nothing. */
function assertName(bucket: string, name: string): void {
  if (!name.split("/").some((segment) => segment === "" || segment === "." || segment === "..")) return
  throw new MillraceError(
    "MR1501",
    `s3://${bucket}: ${JSON.stringify(name)} is not a name for a file here; a name is made of segments separated by ` +
      `"/", none of them empty, "." or "..".`,
    { bucket, name },
  )
}

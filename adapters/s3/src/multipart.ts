/**
 * Large objects in parts. The object appears when the upload is completed, whole, as with a single request; what an
 * upload that a crash broke off has stored is found by the name of its object, which is uploaded again, and removed
 * first.
 */
import { limits } from "@millrace/model"
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type PutObjectCommandInput,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3"

/** Puts one object in parts of `limits.multipartPartBytes`. Rejects with the SDK's own errors; then nothing is kept. */
export async function putInParts(
  client: S3Client,
  object: PutObjectCommandInput & { readonly Bucket: string; readonly Key: string },
  bytes: Uint8Array,
): Promise<void> {
  const { Bucket, Key, ContentType } = object
  await abortEarlier(client, Bucket, Key)
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ Bucket, Key, ContentType, ChecksumAlgorithm: "CRC32" }),
  )
  try {
    const Parts = await uploadParts(client, { Bucket, Key, UploadId }, bytes)
    await client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }))
  } catch (fault) {
    // Its parts would be kept, and paid for.
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId })).catch(() => undefined)
    throw fault
  }
}

async function uploadParts(
  client: S3Client,
  upload: { readonly Bucket: string; readonly Key: string; readonly UploadId: string | undefined },
  bytes: Uint8Array,
): Promise<CompletedPart[]> {
  const count = Math.ceil(bytes.length / limits.multipartPartBytes)
  const parts: CompletedPart[] = []
  let next = 0
  const uploadNext = async (): Promise<void> => {
    while (next < count) {
      const at = next++
      const Body = bytes.subarray(at * limits.multipartPartBytes, (at + 1) * limits.multipartPartBytes)
      try {
        const { ETag, ChecksumCRC32 } = await client.send(
          new UploadPartCommand({ ...upload, PartNumber: at + 1, Body, ChecksumAlgorithm: "CRC32" }),
        )
        parts[at] = { PartNumber: at + 1, ETag, ChecksumCRC32 }
      } catch (fault) {
        // The others need not begin another part.
        next = count
        throw fault
      }
    }
  }
  // All are waited for, so that none still uploads while the upload is aborted.
  const ends = await Promise.allSettled(Array.from({ length: limits.multipartPartsInFlightMax }, uploadNext))
  for (const end of ends) if (end.status === "rejected") throw end.reason
  return parts
}

/**
 * Nobody else writes this object, so an upload of its name is what a crash left. Not worth failing for: it costs space
 * alone.
 */
async function abortEarlier(client: S3Client, Bucket: string, Key: string): Promise<void> {
  try {
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: Key }))
    for (const { Key: key, UploadId } of Uploads)
      if (key === Key) await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
  } catch {
    // Without the right to list them, a lifecycle rule of the bucket removes them.
  }
}

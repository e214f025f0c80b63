/** The way in: takes the location apart, and loads the SDK (90 ms, 36 MB) only now that there is something on S3. */
import type { ObjectPlace } from "@millrace/engine"
import type { BucketPatience } from "./bucket.ts"
import { bucketLocation } from "./location.ts"

/**
 * Opens a bucket as a place for files. No request is made yet. Credentials come from where the AWS SDK looks for them:
 * environment, profiles, roles.
 *
 * @param to - `s3://bucket/prefix`; for other servers see {@link bucketLocation}
 * @throws MR1101 when `to` is misformed
 */
export async function openBucket(to: string, patience: BucketPatience = {}): Promise<ObjectPlace> {
  const location = bucketLocation(to)
  const { Bucket } = await import("./bucket.ts")
  return new Bucket(location, patience)
}

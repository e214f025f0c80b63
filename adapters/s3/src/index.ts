export type { BucketPatience } from "./bucket.ts"
export { type BucketLocation, bucketLocation } from "./location.ts"
export { openBucket } from "./open-bucket.ts"

/**
 * Keys of the state store: `scope | 0 | u16 partition | f64 bucket | key`, so that a bucket is a range and buckets of a
 * partition lie in ascending order, negative and infinite ones too.
 */

const bytes = Buffer.alloc(8)

/** Writes a bucket as 8 bytes that sort like the numbers do. */
function writeBucket(to: Buffer, at: number, bucket: number): void {
  // -0 and 0 are the same bucket.
  to.writeDoubleBE(bucket + 0, at)
  const first = to[at] as number
  if (first < 0x80) to[at] = first | 0x80
  else for (let i = at; i < at + 8; i++) to[i] = ~(to[i] as number)
}

export function readBucket(from: Uint8Array, at: number): number {
  const negative = (from[at] as number) < 0x80
  for (let i = 0; i < 8; i++) bytes[i] = negative ? ~(from[at + i] as number) : (from[at + i] as number)
  if (!negative) bytes[0] = (bytes[0] as number) & 0x7f
  return bytes.readDoubleBE(0)
}

/** `scope | 0 | partition`: the range of a partition's buckets. */
export function partitionPrefix(scope: string, partition: number): Buffer {
  if (scope.length === 0 || scope.includes("\0"))
    throw new Error(`a scope must have a name without NUL, not ${JSON.stringify(scope)}`)
  const name = Buffer.from(scope, "utf8")
  const prefix = Buffer.alloc(name.length + 3)
  name.copy(prefix)
  prefix.writeUInt16BE(partition, name.length + 1)
  return prefix
}

/** `scope | 0 | partition | bucket`: the range of a bucket's keys. */
export function bucketPrefix(scope: string, partition: number, bucket: number): Buffer {
  const prefix = partitionPrefix(scope, partition)
  const whole = Buffer.alloc(prefix.length + 8)
  prefix.copy(whole)
  writeBucket(whole, prefix.length, bucket)
  return whole
}

/** `scope | 0 | partition | bucket | key`: the key of a value, or the beginning of several. */
export function stateKey(scope: string, partition: number, bucket: number, key: string): Buffer {
  return Buffer.concat([bucketPrefix(scope, partition, bucket), Buffer.from(key, "utf8")])
}

/** The first key after all that begin with `prefix`. */
export function prefixEnd(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix)
  for (let i = end.length - 1; ; i--) {
    // A prefix begins with a scope in UTF-8, so some byte is below 0xff.
    if (end[i] === 0xff) continue
    end[i] = (end[i] as number) + 1
    return end.subarray(0, i + 1)
  }
}

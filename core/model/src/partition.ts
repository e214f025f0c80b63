/**
 * Where a record goes: the Kinesis rule. The 128-bit MD5 of the key falls into one of `partitions` hash-key ranges of
 * floor(2^128 / partitions) each; the last range takes the rest.
 * Source: Amazon Kinesis Data Streams API reference, CreateStream and PutRecord.
 */
import { md5 } from "./md5.ts"

const word = 2 ** 32

/** The partition (0 .. partitions - 1) of a key. */
export function partitionOf(key: string, partitions: number): number {
  if (partitions === 1) return 0
  const digest = md5(key)
  const place = ((digest[0] as number) * partitions) / word
  const partition = Math.floor(place)
  // The first word decides unless the hash lies beside a boundary, where its other 96 bits have a say.
  const fraction = place - partition
  const margin = (2 * partitions) / word
  if (fraction < margin || fraction > 1 - margin) return exactPartition(digest, partitions)
  return partition
}

function exactPartition(digest: Uint32Array, partitions: number): number {
  let hash = 0n
  for (const part of digest) hash = (hash << 32n) | BigInt(part)
  const width = (1n << 128n) / BigInt(partitions)
  const range = Number(hash / width)
  return Math.min(range, partitions - 1)
}
